// Sorting of tables by a click, or a key, on a heading; without scripts the page says all the same.
(() => {
  const number = (cell) => {
    const text = (cell.firstChild?.textContent ?? "").trim() || cell.textContent.trim();
    const found = text.replace(/[\s\u202f]/g, "").replace("−", "-").match(/^<?(-?\d+(?:\.\d+)?)/);
    return found ? Number(found[1]) - (text.startsWith("<") ? 1e-9 : 0) : null;
  };
  const sort = (table, column, heading) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, value: number(row.cells[column]), text: row.cells[column].textContent.trim() }));
    const numeric = rows.some((one) => one.value !== null) && heading.scope === "col" && column > 0;
    const before = heading.getAttribute("aria-sort");
    // numbers begin with the largest, names with A
    const down = before ? before === "ascending" : numeric;
    const compared = (a, b) => (numeric ? a.value - b.value : a.text.localeCompare(b.text));
    const known = rows.filter((one) => !numeric || one.value !== null);
    known.sort((a, b) => (down ? -1 : 1) * compared(a, b));
    // what is undefined stays last
    const undefined_ = rows.filter((one) => numeric && one.value === null);
    body.append(...known.map((one) => one.row), ...undefined_.map((one) => one.row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = table.tHead?.rows;
    if (heads?.length !== 1 || table.tBodies[0]?.rows.length < 3) continue;
    [...heads[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, column, heading));
    });
  }
})();
