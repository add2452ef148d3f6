// A network as a column of its parts: a block whose face is the image's size and whose depth is its channels, with what it takes.

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

function block(part, largest, widest) {
  const [channels, height] = part.out_shape;
  const face = 8 + 30 * Math.sqrt(height / largest);
  const depth = 4 + 14 * Math.sqrt(channels / widest);
  const [x, y] = [(84 - face - depth) / 2, 31 - (face - depth) / 2];
  const picture = shape("svg", { viewBox: "0 0 84 62", "aria-hidden": "true" });
  const corner = (dx, dy) => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`;
  const polygons = [
    [corner(0, 0), corner(depth, -depth), corner(face + depth, -depth), corner(face, 0)],
    [corner(face, 0), corner(face + depth, -depth), corner(face + depth, face - depth), corner(face, face)],
    [corner(0, 0), corner(face, 0), corner(face, face), corner(0, face)],
  ];
  for (const points of polygons) picture.append(shape("polygon", { points: points.join(" "), class: "face" }));
  return picture;
}

function shareBar(words, share, kind) {
  const bar = element("div", { class: "track" }, element("span", { class: kind, style: `width:${(100 * Math.min(share, 1)).toFixed(1)}%` }));
  return element("div", { class: "gauge" }, element("span", {}, words), element("span", {}, `${(100 * share).toFixed(0)} %`), bar);
}

function diagram(parts) {
  const largest = Math.max(...parts.map((part) => part.out_shape[1]));
  const widest = Math.max(...parts.map((part) => part.out_shape[0]));
  const macs = parts.reduce((sum, part) => sum + part.macs, 0) || 1;
  const sram = Math.max(...parts.map((part) => part.sram_bytes)) || 1;
  const list = element("ol", { class: "diagram" });
  for (const part of parts) {
    const [channels, height, width] = part.out_shape;
    const text = element("div", {}, element("strong", {}, part.name), ` ${height}×${width}, ${channels} channels`);
    if (part.is_peak) text.append(" ", element("span", { class: "flag" }, "▲ sets the peak of SRAM"));
    text.append(element("div", { class: "setting" }, part.setting));
    text.append(shareBar("of the MACs", part.macs / macs, ""), shareBar("of the peak SRAM", part.sram_bytes / sram, "sram"));
    list.append(element("li", part.is_peak ? { class: "peak" } : {}, block(part, largest, widest), text));
  }
  return list;
}
