// Pick a network, on the plot or in the list, and see all that is known of it.

const AXES = {
  macs: ["MACs (M)", 1e6],
  peak_sram_bytes: ["peak SRAM (KiB)", 1024],
  flash_bytes: ["flash (KiB)", 1024],
  params: ["parameters (thousands)", 1e3],
};
const MARKS = { true: "✓", false: "✗", "cannot be told": "?" };

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function scatter(cards, axis, picked) {
  const [title, unit] = AXES[axis];
  const front = cards.filter((card) => card.on_front).sort((one, other) => one[axis] - other[axis]);
  const points = (some, more) => ({
    type: "scatter",
    x: some.map((card) => card[axis] / unit),
    y: some.map((card) => 100 * card.val_accuracy),
    customdata: some.map((card) => card.number),
    text: some.map((card) => `candidate ${card.number + 1}, ${card.id}`),
    hovertemplate: `%{text}<br>%{y:.1f} %, %{x:.4g} ${title}<extra></extra>`,
    ...more,
  });
  const others = cards.filter((card) => !card.on_front);
  const chosen = cards.filter((card) => card.number === picked);
  return {
    data: [
      points(others, { mode: "markers", name: "other networks", marker: { size: 9, symbol: "circle-open", color: colour("faint"), line: { width: 1.5 } } }),
      points(front, { mode: "markers", name: "the front", marker: { size: 11, color: colour("accent") } }),
      points(chosen, { mode: "markers", name: "picked", marker: { size: 20, symbol: "circle-open", color: colour("bad"), line: { width: 3 } }, hoverinfo: "skip", hovertemplate: null }),
    ],
    layout: {
      height: 380,
      margin: { l: 55, r: 15, t: 35, b: 50 },
      xaxis: { title: { text: title }, rangemode: "tozero", automargin: true },
      yaxis: { title: { text: "validation accuracy (%)" }, automargin: true },
      legend: { orientation: "h", y: 1.12, x: 0 },
      dragmode: "zoom",
    },
  };
}

function curveFigure(card) {
  const line = (place, name, dash, yaxis) => ({
    type: "scatter", mode: "lines+markers", name, yaxis, line: { dash },
    x: card.curve.map((epoch) => epoch[0]), y: card.curve.map((epoch) => (place === 1 ? 100 * epoch[1] : epoch[place])),
  });
  return {
    data: [line(1, "accuracy", "solid", "y"), line(2, "training loss", "dash", "y2"), line(3, "validation loss", "dot", "y2")],
    layout: {
      height: 260,
      colorway: [colour("accent"), colour("bar-sram"), colour("good")],
      margin: { l: 45, r: 45, t: 35, b: 40 },
      legend: { orientation: "h", y: 1.2, x: 0 },
      xaxis: { title: { text: "epoch" }, automargin: true, tickformat: "d", nticks: 6 },
      yaxis: { title: { text: "accuracy (%)" }, automargin: true },
      yaxis2: { title: { text: "loss (nats)" }, overlaying: "y", side: "right", showgrid: false, automargin: true, rangemode: "tozero", nticks: 5 },
    },
  };
}

function gauge([words, value, share]) {
  const text = share === null ? value : `${value} · ${percent(share)} of the limit`;
  const row = element("div", { class: "gauge" }, element("span", {}, words), element("span", {}, text));
  if (share !== null) row.append(element("div", { class: "track" }, element("span", { style: `width:${(100 * Math.min(share, 1)).toFixed(1)}%` })));
  return row;
}

function claimList(claims) {
  const list = element("ul", { class: "claims" });
  for (const claim of claims) {
    const kind = claim.truth === "cannot be told" ? "unknown" : claim.truth;
    const mark = element("span", { class: `mark ${kind}` }, `${MARKS[claim.truth]} ${claim.truth}`);
    list.append(element("li", {}, mark, `: ${claim.words}`, element("span", { class: "reason" }, claim.reason)));
  }
  return list;
}

function copyBox(title, text) {
  const button = element("button", { type: "button", "aria-label": `Copy: ${title}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy";
    }
  });
  return [element("h4", {}, title), element("div", { class: "copy" }, element("pre", { tabindex: "0" }, element("code", {}, text)), button)];
}

function details(card, canDraw) {
  const place = element("div");
  place.append(element("p", { class: "lead" }, `${percent(card.val_accuracy)} · candidate ${card.number + 1}`));
  place.append(element("p", {}, element("code", {}, card.id), card.on_front ? " stands on the front." : " is beaten by another network."));
  place.append(element("h4", {}, "Network"), diagram(card.parts));
  place.append(element("h4", {}, "What it takes"), ...card.costs.map(gauge));
  place.append(element("h4", {}, "Why"), element("p", {}, `${card.origin}.`));
  if (card.text) place.append(element("blockquote", {}, card.text));
  if (card.claims.length) place.append(claimList(card.claims));
  if (card.curve.length && canDraw) {
    const curve = element("div", { class: "curve" });
    place.append(element("h4", {}, "Mini-training"), curve);
  }
  place.append(...copyBox("To train it in full", card.retrain), ...copyBox("Architecture", card.architecture));
  return place;
}

function startExplorer(cards, canDraw) {
  const section = document.getElementById("explorer");
  if (!section || !cards.length) return;
  const plot = element("div", { class: "plot" });
  const axis = element("select", { id: "explorer-axis" });
  for (const [name, [title]] of Object.entries(AXES)) axis.append(element("option", { value: name }, title));
  const choices = element("div", { class: "choices" });
  const shown = element("div", { class: "details", role: "region", "aria-live": "polite", "aria-label": "The network picked" });
  const left = element("div", {}, element("label", { for: "explorer-axis" }, "Accuracy over "), axis, plot);
  left.append(element("fieldset", {}, element("legend", {}, "Networks, those of the front first"), choices));
  section.replaceChildren(left, shown);

  const byNumber = new Map(cards.map((card) => [card.number, card]));
  let picked = null;
  const redraw = () => canDraw && drawFigure(plot, scatter(cards, axis.value, picked));
  const pick = (number) => {
    picked = number;
    choices.querySelector(`input[value="${number}"]`).checked = true;
    drawn.delete(shown.querySelector(".curve"));
    shown.replaceChildren(details(byNumber.get(number), canDraw));
    const curve = shown.querySelector(".curve"); // drawn once it has a width
    if (curve) drawFigure(curve, curveFigure(byNumber.get(number)));
    redraw();
  };
  for (const card of cards) {
    const input = element("input", { type: "radio", name: "network", value: card.number });
    input.addEventListener("change", () => {
      pick(card.number);
      history.replaceState(null, "", `#candidate-${card.number + 1}`);
    });
    const words = ` ${card.on_front ? "● front" : "○ other"} · ${percent(card.val_accuracy)} · ${(card.macs / 1e6).toFixed(2)}M MACs · candidate ${card.number + 1}`;
    choices.append(element("label", {}, input, words));
  }
  axis.addEventListener("change", redraw);
  themeListeners.push(redraw);
  const linked = Number((location.hash.match(/^#candidate-(\d+)$/) || [])[1]) - 1;
  pick(byNumber.has(linked) ? linked : cards[0].number);
  if (canDraw) {
    plot.on("plotly_click", (event) => {
      const number = event.points[0].customdata;
      pick(number);
      history.replaceState(null, "", `#candidate-${number + 1}`);
    });
  }
}
