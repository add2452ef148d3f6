// A network as a column of its parts: a block whose face is the longer side of the image and whose depth is its channels, with what it takes.

function block(part, largest, widest) {
  const [channels, height, width] = part.out_shape;
  const face = 6 + 34 * Math.sqrt(Math.max(height, width) / largest);
  const depth = 3 + 20 * Math.sqrt(channels / widest);
  const [x, y] = [(84 - face - depth) / 2, 33 - (face - depth) / 2];
  const picture = shape("svg", { viewBox: "0 0 84 66", "aria-hidden": "true" });
  const corner = (dx, dy) => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`;
  const faces = {
    top: [corner(0, 0), corner(depth, -depth), corner(face + depth, -depth), corner(face, 0)],
    side: [corner(face, 0), corner(face + depth, -depth), corner(face + depth, face - depth), corner(face, face)],
    front: [corner(0, 0), corner(face, 0), corner(face, face), corner(0, face)],
  };
  for (const [kind, points] of Object.entries(faces)) picture.append(shape("polygon", { points: points.join(" "), class: kind }));
  return picture;
}

function diagram(parts) {
  const largest = Math.max(...parts.map((part) => Math.max(part.out_shape[1], part.out_shape[2])));
  const widest = Math.max(...parts.map((part) => part.out_shape[0]));
  const macs = parts.reduce((sum, part) => sum + part.macs, 0) || 1;
  const sram = Math.max(...parts.map((part) => part.sram_bytes)) || 1;
  const list = element("ol", { class: "diagram" });
  for (const part of parts) {
    const [channels, height, width] = part.out_shape;
    const text = element("div", {}, element("strong", {}, part.name), ` ${height}×${width}, ${channels} channels`);
    if (part.is_peak) text.append(" ", element("span", { class: "flag" }, "▲ sets the peak of SRAM"));
    text.append(element("div", { class: "setting" }, part.setting));
    text.append(gauge("of the MACs", percent(part.macs / macs, 0), part.macs / macs));
    text.append(gauge("of the peak SRAM", percent(part.sram_bytes / sram, 0), part.sram_bytes / sram, "sram"));
    list.append(element("li", part.is_peak ? { class: "peak" } : {}, block(part, largest, widest), text));
  }
  return list;
}
