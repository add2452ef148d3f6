// Light and dark: as the system says, until the button says otherwise; white for paper.

const root = document.documentElement;
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const themeListeners = [];
const probe = document.createElement("span");

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
}

// A colour of the style sheet as it stands now: a property alone would still read light-dark(...).
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function rememberTheme(theme) {
  try {
    localStorage.setItem("lmanet-theme", theme);
  } catch {
    // a page from a file may not be allowed to
  }
}

function rememberedTheme() {
  try {
    return localStorage.getItem("lmanet-theme");
  } catch {
    return null;
  }
}

function startTheme() {
  const button = document.getElementById("theme");
  const set = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    button.textContent = isDark() ? "Light colours" : "Dark colours";
    themeListeners.forEach((listener) => listener());
  };
  probe.hidden = true;
  document.body.append(probe);
  const before = rememberedTheme();
  set(before === "dark" || before === "light" ? before : null);
  button.addEventListener("click", () => {
    set(isDark() ? "light" : "dark");
    rememberTheme(root.dataset.theme);
  });
  systemDark.addEventListener("change", () => set(root.dataset.theme));
  let onScreen;
  window.addEventListener("beforeprint", () => {
    onScreen = root.dataset.theme;
    set("light");
  });
  window.addEventListener("afterprint", () => set(onScreen));
  button.hidden = false;
}
