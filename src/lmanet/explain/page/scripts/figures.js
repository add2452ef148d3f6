// Plotly, unpacked in the browser; figures are drawn when they come near, and again when the colours change.

const drawn = new Map();
const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  // Plotly's own choice is a button that uploads the figure: nothing leaves this page
  showSendToCloud: false,
  plotlyServerURL: "",
};

async function unpackPlotly() {
  const packed = document.getElementById("plotly-data").textContent.trim();
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  document.head.append(element("script", {}, await new Response(stream).text()));
  if (!window.Plotly) throw new Error("Plotly did not start");
}

// A figure's layout with the page's colours for paper, text and lines.
function withColours(layout) {
  const [ink, clear] = [colour("ink"), "rgba(0,0,0,0)"];
  const lines = { gridcolor: colour("rule"), zerolinecolor: colour("rule"), linecolor: colour("faint") };
  const font = { ...layout.font, family: getComputedStyle(document.body).fontFamily, color: ink };
  const result = { ...layout, font, paper_bgcolor: clear, plot_bgcolor: clear };
  result.hoverlabel = { bgcolor: colour("paper"), bordercolor: colour("faint"), font: { color: ink }, align: "left" };
  result.modebar = { bgcolor: clear, color: colour("faint"), activecolor: ink };
  for (const key of Object.keys(layout)) {
    if (/^[xy]axis\d*$/.test(key)) result[key] = { ...layout[key], ...lines };
  }
  return result;
}

// `make` gives data and layout, with the colours of the moment.
function drawFigure(place, make) {
  drawn.set(place, make);
  const figure = make();
  return window.Plotly.react(place, figure.data, withColours(figure.layout), CONFIG);
}

function startFigures(figures) {
  const draw = (place) => drawFigure(place, () => figures[place.dataset.figure]);
  const waiting = new Set(document.querySelectorAll("[data-figure]"));
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || !waiting.delete(target)) continue;
        observer.unobserve(target);
        draw(target);
      }
    },
    { rootMargin: "600px" },
  );
  for (const place of waiting) {
    place.style.minHeight = `${figures[place.dataset.figure].layout.height ?? 450}px`; // 450 is Plotly's own
    observer.observe(place);
  }
  themeListeners.push(() => drawn.forEach((make, place) => drawFigure(place, make)));
  window.addEventListener("beforeprint", () => {
    waiting.forEach(draw);
    waiting.clear();
  });
}

function sayWithoutFigures() {
  for (const place of document.querySelectorAll("[data-figure], .plot")) {
    place.textContent = "This browser cannot unpack the figures (it lacks DecompressionStream); the tables hold the same values.";
  }
}
