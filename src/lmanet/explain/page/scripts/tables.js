// Every table: sorted by a click on a column's head, and downloaded as CSV with raw values.

function rawValue(cell) {
  return cell.dataset.value ?? cell.textContent;
}

// Empty cells come last in either direction; numbers by value, text by language.
function compareCells(one, other, direction) {
  const [a, b] = [rawValue(one), rawValue(other)];
  if (a === "" || b === "") return (a === "") - (b === "");
  const [x, y] = [Number(a), Number(b)];
  const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, undefined, { numeric: true }) : x - y;
  return direction === "ascending" ? order : -order;
}

function sortBy(table, head) {
  const heads = [...head.parentElement.children];
  const place = heads.indexOf(head);
  const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  heads.forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", direction);
  const rows = [...table.tBodies[0].rows];
  rows.sort((one, other) => compareCells(one.cells[place], other.cells[place], direction));
  table.tBodies[0].append(...rows);
}

// RFC 4180; text that a spreadsheet would take for a formula gets an apostrophe before it.
function csvField(text, isNumber) {
  const safe = !isNumber && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csv(table) {
  const head = [...table.tHead.rows[0].cells].map((cell) => csvField(cell.dataset.key, false));
  const rows = [...table.tBodies[0].rows].map((row) =>
    [...row.cells].map((cell) => csvField(rawValue(cell), "value" in cell.dataset)),
  );
  return [head, ...rows].map((fields) => fields.join(",")).join("\r\n") + "\r\n";
}

function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function startTables() {
  for (const box of document.querySelectorAll(".table")) {
    const table = box.querySelector("table");
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sortBy(table, head));
      head.append(button);
    }
    const tools = document.createElement("div");
    tools.className = "tools";
    const save = document.createElement("button");
    save.type = "button";
    save.textContent = "Download CSV";
    save.setAttribute("aria-label", `Download as CSV: ${table.caption.textContent}`);
    save.addEventListener("click", () => download(`${box.dataset.name}.csv`, csv(table), "text/csv"));
    tools.append(save);
    box.append(tools);
  }
}
