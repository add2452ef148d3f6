// Light and dark: as the system says, until the button says otherwise.

const root = document.documentElement;
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const themeListeners = [];

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
}

function colour(name) {
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
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
  const tell = () => {
    button.textContent = isDark() ? "Light colours" : "Dark colours";
    themeListeners.forEach((listener) => listener());
  };
  const before = rememberedTheme();
  if (before === "dark" || before === "light") root.dataset.theme = before;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    rememberTheme(root.dataset.theme);
    tell();
  });
  systemDark.addEventListener("change", tell);
  button.hidden = false;
  tell();
}
