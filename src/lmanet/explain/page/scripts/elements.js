// Elements made by hand: attributes and text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function percent(share, decimals = 1) {
  return `${(100 * share).toFixed(decimals)} %`;
}

// Words, a figure, and a bar for readers who see it; more than the whole is a full bar of another look.
function gauge(words, text, share, kind = "") {
  const row = element("div", { class: "gauge" }, element("span", {}, words), element("span", {}, text));
  if (share === null) return row;
  const fill = element("span", { class: share > 1 ? "over" : kind, style: `width:${(100 * Math.min(share, 1)).toFixed(1)}%` });
  row.append(element("div", { class: "track" }, fill));
  return row;
}
