"use strict";
(() => {
  // Hover and focus: a candidate's words beside it, and every mark and row of it lit up.
  const tips = JSON.parse(document.getElementById("tips").textContent);
  const tip = document.getElementById("tip");
  const marks = new Map();
  for (const mark of document.querySelectorAll("[data-id]")) {
    if (!marks.has(mark.dataset.id)) marks.set(mark.dataset.id, []);
    marks.get(mark.dataset.id).push(mark);
  }
  let lit = [];
  const hide = () => {
    lit.forEach((mark) => mark.classList.remove("lit"));
    lit = [];
    tip.hidden = true;
  };
  const show = (event) => {
    hide();
    const mark = event.target.closest && event.target.closest("[data-id]");
    if (!mark) return;
    lit = marks.get(mark.dataset.id);
    lit.forEach((other) => other.classList.add("lit"));
    if (!mark.closest("svg")) return;
    tip.textContent = tips[mark.dataset.id];
    tip.hidden = false;
    const at = mark.getBoundingClientRect();
    const x = Math.min(at.right + 8, document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = at.top - tip.offsetHeight - 8;
    tip.style.left = Math.max(8, x) + scrollX + "px";
    tip.style.top = (above > 0 ? above : at.bottom + 8) + scrollY + "px";
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("focusin", show);
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());

  // Tables: a button in each heading sorts, and back.
  const key = (row, n) => {
    const cell = row.cells[n];
    const text = cell.dataset.v ?? cell.textContent.trim();
    return text === "" || isNaN(text) ? text : Number(text);
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b
    : typeof a === typeof b ? a.localeCompare(b)
    : typeof a === "number" ? -1 : 1;
  for (const table of document.querySelectorAll("table.sort")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, n) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [key(row, n), row]);
        rows.sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
        body.append(...rows.map(([, row]) => row));
      });
    });
  }
})();
