// Plotly, unpacked in the browser, and figures drawn when they come into sight.

const drawn = new Map();
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

async function unpackPlotly() {
  const packed = document.getElementById("plotly-data").textContent.trim();
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  if (!window.Plotly) throw new Error("Plotly did not start");
}

// A figure's layout with the page's colours for paper, text and lines.
function withColours(layout) {
  const ink = colour("ink");
  const result = { ...layout, font: { ...layout.font, color: ink }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" };
  result.hoverlabel = { bgcolor: colour("paper"), bordercolor: colour("faint"), font: { color: ink }, align: "left" };
  const lines = { gridcolor: colour("rule"), zerolinecolor: colour("rule"), linecolor: colour("faint") };
  for (const key of Object.keys(layout)) {
    if (/^[xy]axis\d*$/.test(key)) result[key] = { ...layout[key], ...lines };
  }
  return result;
}

function drawFigure(place, figure) {
  drawn.set(place, figure);
  return window.Plotly.react(place, figure.data, withColours(figure.layout), CONFIG);
}

async function startFigures(figures) {
  const places = [...document.querySelectorAll("[data-figure]")];
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        observer.unobserve(entry.target);
        drawFigure(entry.target, figures[entry.target.dataset.figure]);
      }
    },
    { rootMargin: "600px" },
  );
  for (const place of places) {
    place.style.minHeight = `${figures[place.dataset.figure].layout.height}px`;
    observer.observe(place);
  }
  themeListeners.push(() => drawn.forEach((figure, place) => drawFigure(place, figure)));
}

function sayWithoutFigures() {
  for (const place of document.querySelectorAll("[data-figure]")) {
    place.textContent = "This browser cannot unpack the figures (it lacks DecompressionStream); the tables hold the same values.";
  }
}
