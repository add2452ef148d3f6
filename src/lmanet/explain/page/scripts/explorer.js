// Pick a network, on the plot or in the list, and see all that is known of it.

const AXES = {
  macs: ["MACs (M)", 1e6],
  peak_sram_bytes: ["peak SRAM (KiB)", 1024],
  flash_bytes: ["flash (KiB)", 1024],
  params: ["parameters (thousands)", 1e3],
};

// Networks than which none is both cheaper and better, the cheapest first.
function bestFor(cards, axis) {
  const ordered = [...cards].sort((one, other) => one[axis] - other[axis] || other.val_accuracy - one.val_accuracy);
  let best = -1;
  return ordered.filter((card) => card.val_accuracy > best && ((best = card.val_accuracy), true));
}

function scatter(cards, axis, picked) {
  const [words, unit] = AXES[axis];
  const points = (some, more) => ({
    type: "scatter",
    mode: "markers",
    x: some.map((card) => card[axis] / unit),
    y: some.map((card) => 100 * card.val_accuracy),
    customdata: some.map((card) => card.number),
    text: some.map((card) => `candidate ${card.number}, ${card.id}`),
    hovertemplate: `%{text}<br>%{y:.1f} %, %{x:.4g} ${words}<extra></extra>`,
    ...more,
  });
  const front = cards.filter((card) => card.on_front);
  const hollow = (size, kind, width) => ({ size, symbol: "circle-open", color: colour(kind), line: { width } });
  return {
    data: [
      points(bestFor(front, axis), { mode: "lines", name: "best for this cost", line: { shape: "hv", color: colour("accent"), width: 1.5 }, hoverinfo: "skip", hovertemplate: null }),
      points(cards.filter((card) => !card.on_front), { name: "other networks", marker: hollow(9, "faint", 1.5) }),
      points(front, { name: "the front", marker: { size: 11, color: colour("accent") } }),
      points(cards.filter((card) => card.number === picked), { name: "picked", marker: hollow(20, "bad", 3), hoverinfo: "skip", hovertemplate: null }),
    ],
    layout: {
      height: 420,
      margin: { l: 60, r: 10, t: 10, b: 90 },
      hovermode: "closest",
      xaxis: { title: { text: words, standoff: 5 }, rangemode: "tozero" },
      yaxis: { title: { text: "validation accuracy (%)" } },
      legend: { orientation: "h", y: -0.2, x: 0 },
    },
  };
}

function axisChoice() {
  const axis = element("select", { id: "explorer-axis" });
  for (const [name, [words]] of Object.entries(AXES)) axis.append(element("option", { value: name }, words));
  return axis;
}

function networkList(cards, choose) {
  const choices = element("div", { class: "choices" });
  for (const card of cards) {
    const input = element("input", { type: "radio", name: "network", value: card.number });
    input.addEventListener("change", () => choose(card.number));
    const name = `${card.on_front ? "● front" : "○ other"} `;
    const numbers = [` candidate ${card.number} `, percent(card.val_accuracy), ` ${(card.macs / 1e6).toFixed(2)}M`];
    choices.append(element("label", {}, input, ...[name, ...numbers].map((words) => element("span", {}, words))));
  }
  return choices;
}

function linkedNumber() {
  const match = location.hash.match(/^#candidate-(\d+)$/);
  return match ? Number(match[1]) : null;
}

function startExplorer(cards, canDraw) {
  const section = document.getElementById("explorer");
  if (!section) return;
  const byNumber = new Map(cards.map((card) => [card.number, card]));
  const [plot, axis, heading, shown] = [element("div", { class: "plot" }), axisChoice(), element("h3", { "aria-live": "polite" }), element("div", { class: "details" })];
  let picked = null;
  const redraw = () => canDraw && drawFigure(plot, () => scatter(cards, axis.value, picked));
  const show = (number) => {
    picked = number;
    const card = byNumber.get(number);
    choices.querySelector(`input[value="${number}"]`).checked = true;
    drawn.delete(shown.querySelector(".curve"));
    heading.textContent = title(card);
    shown.replaceChildren(...showCard(card, canDraw));
    const curve = shown.querySelector(".curve"); // drawn once it has a width
    if (curve) drawFigure(curve, () => curveFigure(card));
    redraw();
  };
  const choose = (number) => {
    history.replaceState(null, "", `#candidate-${number}`);
    show(number);
  };
  const follow = () => {
    if (!byNumber.has(linkedNumber())) return;
    show(linkedNumber());
    section.scrollIntoView();
  };
  const choices = networkList(cards, choose);
  const list = element("fieldset", {}, element("legend", {}, "Networks, the front first: accuracy, MACs"), choices);
  const side = element("div", {}, element("p", {}, element("label", { for: "explorer-axis" }, "Accuracy over "), axis), list);
  section.replaceChildren(element("div", { class: "picker" }, plot, side), heading, shown);
  show(cards[0].number);
  follow();
  axis.addEventListener("change", redraw);
  window.addEventListener("hashchange", follow);
  if (canDraw) plot.on("plotly_click", (event) => choose(event.points[0].customdata));
}
