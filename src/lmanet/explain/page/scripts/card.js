// All that is known of the network picked.

const MARKS = { true: "✓", false: "✗", "cannot be told": "?" };

function curveFigure(card) {
  const line = (place, name, dash, kind, unit) => ({
    type: "scatter", mode: "lines+markers", name, yaxis: unit === 100 ? "y" : "y2", line: { dash, color: colour(kind) },
    x: card.curve.map((epoch) => epoch[0]), y: card.curve.map((epoch) => unit * epoch[place]),
  });
  return {
    data: [
      line(1, "accuracy", "solid", "accent", 100),
      line(2, "training loss", "dash", "bar-sram", 1),
      line(3, "validation loss", "dot", "good", 1),
    ],
    layout: {
      height: 260,
      margin: { l: 50, r: 50, t: 10, b: 75 },
      legend: { orientation: "h", y: -0.3, x: 0 },
      xaxis: { title: { text: "epoch", standoff: 5 }, tick0: 1, dtick: Math.ceil(card.curve.length / 8) },
      yaxis: { title: { text: "accuracy (%)" } },
      yaxis2: { title: { text: "loss (nats)" }, overlaying: "y", side: "right", showgrid: false, rangemode: "tozero", tickmode: "auto", nticks: 6 },
    },
  };
}

function limitGauge([words, value, share]) {
  if (share === null) return gauge(words, value, null);
  return gauge(words, `${value} · ${percent(share)} of the limit${share > 1 ? " ▲ over" : ""}`, share);
}

function claimList(claims) {
  const list = element("ul", { class: "claims" });
  for (const claim of claims) {
    const mark = element("span", { class: "mark", "data-truth": claim.truth }, `${MARKS[claim.truth]} ${claim.truth}`);
    list.append(element("li", {}, mark, `: ${claim.words}`, element("span", { class: "reason" }, claim.reason)));
  }
  return list;
}

function copyBox(title, text) {
  const button = element("button", { type: "button" });
  const say = (word) => {
    button.textContent = word;
    button.setAttribute("aria-label", `${word}: ${title}`);
  };
  say("Copy");
  button.addEventListener("click", () => {
    // without a clipboard, `writeText` is not there at all
    Promise.resolve().then(() => navigator.clipboard.writeText(text)).then(() => say("Copied"), () => say("Select and copy"));
  });
  const code = element("pre", { tabindex: "0", role: "region", "aria-label": title }, element("code", {}, text));
  return [element("h4", {}, title), element("div", { class: "copy" }, code, button)];
}

function explanation(card) {
  const parts = [element("h4", {}, "Why"), element("p", {}, `${card.origin}.`)];
  if (card.text) parts.push(element("blockquote", {}, card.text));
  if (card.claims.length) parts.push(claimList(card.claims));
  return parts;
}

function title(card) {
  return `Candidate ${card.number} · ${percent(card.val_accuracy)} · ${card.on_front ? "on the front" : "not on the front"}`;
}

// The network on the left, what is said of it on the right; its curve is drawn by who gives it a place.
function showCard(card, canDraw) {
  const network = element("div", {}, element("h4", {}, "Network "), diagram(card.parts));
  network.firstChild.append(element("code", {}, card.id));
  const facts = element("div", {}, element("h4", {}, "What it takes"), ...card.costs.map(limitGauge), ...explanation(card));
  if (card.curve.length && canDraw) facts.append(element("h4", {}, "Mini-training"), element("div", { class: "curve" }));
  facts.append(...copyBox("Train it in full", card.retrain), ...copyBox("Architecture", card.architecture));
  return [network, facts];
}
