// Sorting of tables by a click, or a key, on a heading; without scripts the page says all the same.
(() => {
  const UNITS = { h: 3600, min: 60, s: 1 };
  const duration = /^(?:\d+(?:\.\d+)? (?:h|min|s) ?)+$/;
  // what a cell is sorted by: a number, a date or a duration in seconds; null where it has none
  const value = (cell) => {
    const text = ((cell.firstChild?.textContent ?? "").trim() || cell.textContent.trim()).replace(/\u202f/g, " ").replace("−", "-");
    if (duration.test(text)) {
      return [...text.matchAll(/(\d+(?:\.\d+)?) (h|min|s)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit], 0);
    }
    if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return Date.parse(text);
    const found = text.replace(/\s/g, "").match(/^<?(-?\d+(?:\.\d+)?)/);
    return found ? Number(found[1]) - (text.startsWith("<") ? 1e-9 : 0) : null;
  };
  const sort = (table, column, heading) => {
    const bodies = [...table.tBodies].map((body) => ({
      body,
      rows: [...body.rows].map((row) => ({ row, value: value(row.cells[column]), text: row.cells[column].textContent.trim() })),
    }));
    const numeric = column > 0 && bodies.some(({ rows }) => rows.some((one) => one.value !== null));
    const before = heading.getAttribute("aria-sort");
    // numbers begin with the largest, names with A
    const down = before ? before === "ascending" : numeric;
    const compared = (a, b) => (numeric ? a.value - b.value : a.text.localeCompare(b.text));
    // groups of rows stay apart
    for (const { body, rows } of bodies) {
      const known = rows.filter((one) => !numeric || one.value !== null);
      known.sort((a, b) => (down ? -1 : 1) * compared(a, b));
      // what is undefined stays last
      const without = rows.filter((one) => numeric && one.value === null);
      body.append(...known.map((one) => one.row), ...without.map((one) => one.row));
    }
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = table.tHead?.rows;
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    // rows with cells over several columns or rows can't change places
    const plain = rows.every((row) => row.cells.length === heads?.[0].cells.length);
    if (heads?.length !== 1 || rows.length < 3 || !plain) continue;
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
