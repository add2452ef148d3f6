// Every table: sorted by a click on a column's head, and downloaded as CSV with raw values.

function rawValue(cell) {
  return cell.dataset.value ?? cell.textContent;
}

// What a cell is sorted by: a number in a column of numbers, else its text; null for nothing.
function sortKey(cell, isNumber) {
  const raw = rawValue(cell);
  if (raw === "") return null;
  if (!isNumber) return raw;
  return Number.isNaN(Number(raw)) ? null : Number(raw);
}

// Nothing comes last in either direction; text by the reader's language.
function compareKeys(one, other, direction) {
  if (one === null || other === null) return (one === null) - (other === null);
  const order = typeof one === "number" ? one - other : one.localeCompare(other, undefined, { numeric: true });
  return direction === "ascending" ? order : -order;
}

function sortBy(table, head) {
  const heads = [...head.parentElement.children];
  const [place, isNumber] = [heads.indexOf(head), head.classList.contains("number")];
  const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  heads.forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", direction);
  const keyed = [...table.tBodies[0].rows].map((row) => [sortKey(row.cells[place], isNumber), row]);
  keyed.sort(([one], [other]) => compareKeys(one, other, direction));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
}

// RFC 4180; text that a spreadsheet would take for a formula gets an apostrophe before it.
function csvField(text) {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csv(table) {
  const head = [...table.tHead.rows[0].cells].map((cell) => cell.dataset.key);
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map(rawValue));
  return [head, ...rows].map((fields) => fields.map(csvField).join(",") + "\r\n").join("");
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
      const button = element("button", { type: "button" }, ...head.childNodes);
      button.addEventListener("click", () => sortBy(table, head));
      head.append(button);
    }
    const save = element("button", { type: "button", "aria-label": `Download CSV: ${table.caption.textContent}` }, "Download CSV");
    save.addEventListener("click", () => download(`${box.dataset.name}.csv`, csv(table), "text/csv"));
    box.append(element("div", { class: "tools" }, save));
  }
}
