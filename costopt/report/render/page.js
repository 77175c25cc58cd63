"use strict";
// Click or press Enter on a column's name: sorts its table by the raw values, not by their text.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const column = head.cellIndex;
    const body = head.closest("table").tBodies[0];
    const up = head.getAttribute("aria-sort") === "descending";
    const key = (row) => row.cells[column].dataset.v;
    const order = (a, b) => {
      const x = key(a), y = key(b), n = Number(x) - Number(y);
      const by = x === "" || y === "" || Number.isNaN(n) ? String(x).localeCompare(String(y)) : n;
      return up ? by : -by;
    };
    for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...Array.from(body.rows).sort(order));
  });
}
