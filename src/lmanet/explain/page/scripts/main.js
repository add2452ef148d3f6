function read(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

async function start() {
  startTheme();
  startTables();
  if (window.matchMedia("(max-width: 60rem)").matches) document.querySelector(".contents details").open = false;
  let canDraw = true;
  try {
    await unpackPlotly();
  } catch {
    canDraw = false;
  }
  startExplorer(read("cards-data"), canDraw);
  if (canDraw) startFigures(read("figures-data"));
  else sayWithoutFigures();
  root.dataset.ready = "true";
}

start();
