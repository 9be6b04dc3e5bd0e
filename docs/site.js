// Names for what the theme adds to a page without one, so that screen readers and keyboards find it.

function nameAll() {
  document.querySelector(".md-search").setAttribute("aria-label", "Search");
  const results = document.querySelector(".md-search__scrollwrap");
  results.setAttribute("role", "region");
  results.setAttribute("aria-label", "Pages found");
  document.querySelectorAll(".md-code__nav").forEach((nav, place) => nav.setAttribute("aria-label", `Code ${place + 1}`));
  document.querySelectorAll(".md-typeset__scrollwrap").forEach((box, place) => {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", `Table ${place + 1}`);
  });
}

nameAll();
new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
