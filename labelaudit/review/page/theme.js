// Light or dark: as the system has it until somebody switches; remembered in this browser.

export function switchTheme() {
  const root = document.documentElement;
  const dark = getComputedStyle(root).colorScheme === "dark" || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("labelaudit-theme", root.dataset.theme); } catch { /* private windows may refuse */ }
}
try { const kept = localStorage.getItem("labelaudit-theme"); if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept; } catch { /* as above */ }
