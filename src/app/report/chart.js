// The frontier chart: what Chart.js draws, and what is drawn around it.

const axisText = (group, value) => objectiveText(group, value);

function lossOf(view, loss) {
  return loss === null ? null : view.perplexity ? perplexity(loss) : loss;
}

// A closed band between two columns, behind the curves.
function drawBand(chart, target, corners) {
  const {ctx, scales: {x, y}, chartArea: area} = chart;
  if (corners.length < 4 || corners.some(([px, py]) => px === null || py === null)) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(area.left, area.top, area.width, area.height);
  ctx.clip();
  ctx.beginPath();
  corners.forEach(([px, py], i) => ctx[i ? "lineTo" : "moveTo"](x.getPixelForValue(px), y.getPixelForValue(py)));
  ctx.closePath();
  ctx.globalAlpha = 0.14;
  ctx.fillStyle = colour(`--c${target.colour}`);
  ctx.fill();
  ctx.restore();
}

function bandCorners(target, lowX, highX, lowY, highY) {
  const places = [...Array(target.shown).keys()];
  return [...places.map(place => [lowX(place), lowY(place)]), ...places.reverse().map(place => [highX(place), highY(place)])];
}

function drawBands(chart, view) {
  for (const target of view.targets) {
    const value = name => place => rowValue(target, name, place);
    const y = name => place => lossOf(view, value(name)(place));
    // Bands are of latency_s; the objective has that value where it is a time.
    if (view.latencyBand && view.group.axis === "s")
      drawBand(chart, target, bandCorners(target, value("latency_low_s"), value("latency_high_s"), y("loss"), y("loss")));
    if (view.lossBand)
      drawBand(chart, target, bandCorners(target, value("objective"), value("objective"), y("loss_low"), y("loss_high")));
  }
}

function drawBudgets(chart, view) {
  const {ctx, scales: {x}, chartArea: area} = chart;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("--quiet");
  ctx.setLineDash([2, 3]);
  ctx.font = "12px system-ui, sans-serif";
  for (const [budget, name] of view.budgets) {
    const at = x.getPixelForValue(budget);
    if (!(at >= area.left && at <= area.right)) continue;
    ctx.beginPath();
    ctx.moveTo(at, area.top);
    ctx.lineTo(at, area.bottom);
    ctx.stroke();
    const right = at < (area.left + area.right) / 2;
    ctx.textAlign = right ? "left" : "right";
    ctx.fillText(name, at + (right ? 4 : -4), area.top + 12);
  }
  ctx.restore();
}

function curve(view, target, quantity) {
  const places = [...Array(target.shown).keys()];
  const stroke = colour(`--c${target.colour}`);
  const inside = places.map(place => !rowValue(target, "extrapolated", place));
  const y = quantity ? place => rowValue(target, quantity, place) : place => lossOf(view, rowValue(target, "loss", place));
  return {
    label: curveName(target), target, borderColor: stroke, borderWidth: 1.6, borderDash: dashes[target.dash % 4],
    stepped: quantity ? false : "before", pointRadius: quantity ? 0 : 2, pointHoverRadius: 5, pointHitRadius: 8,
    pointBorderColor: stroke, pointBorderWidth: 1,
    pointBackgroundColor: inside.map(yes => yes ? stroke : colour("--paper")),
    data: places.map(place => ({x: rowValue(target, "objective", place), y: y(place)}))};
}

function modelMarks(view) {
  const marks = view.models ? view.targets.flatMap(target => target.models.map(model => ({target, model}))) : [];
  return {
    label: "models", marks, showLine: false, pointRadius: 6, pointHoverRadius: 8, pointBorderWidth: 1.5,
    pointStyle: marks.map(({model}) => model.own ? "rectRot" : "triangle"),
    pointBackgroundColor: colour("--paper"),
    pointBorderColor: marks.map(({target}) => colour(`--c${target.colour}`)),
    data: marks.map(({model}) => ({x: model.objective, y: lossOf(view, model.loss)}))};
}

// What is pinned, and where the keyboard is.
function drawRings(chart, view) {
  const {ctx, scales: {x, y}} = chart;
  ctx.save();
  ctx.strokeStyle = colour("--ink");
  ctx.lineWidth = 2;
  for (const [point, radius] of [...view.pins.map(pin => [pin, 8]), ...(view.cursor ? [[view.cursor, 6]] : [])]) {
    ctx.beginPath();
    ctx.arc(x.getPixelForValue(rowValue(point.target, "objective", point.place)),
      y.getPixelForValue(lossOf(view, rowValue(point.target, "loss", point.place))), radius, 0, 2 * Math.PI);
    ctx.stroke();
  }
  ctx.restore();
}

function modelText(view, {target, model}) {
  const best = model.best === null ? "none as fast" : digits(model.best, 4);
  return `${model.id}${model.own ? " (yours)" : ""} on ${curveName(target)}: ${objectiveText(view.group, model.objective)}, ` +
    `loss ${digits(model.loss, 4)}${model.extrapolated ? " (law extrapolates)" : ""}; best there ${best}` +
    (model.misses ? "; misses a limit" : "");
}

function pointText(view, target, place) {
  const loss = rowValue(target, "loss", place);
  return `${curveName(target)}: ${objectiveText(view.group, rowValue(target, "objective", place))}, ` +
    `loss ${digits(loss, 4)}, perplexity ${digits(perplexity(loss), 2)}; ${architecture(target, place)}` +
    (rowValue(target, "extrapolated", place) ? "; the law extrapolates" : "");
}

// Of the losses, from the lowest: what is further up nobody would build, and it would flatten the rest.
const shownNats = 2;
function limitOf(view) {
  const losses = view.targets.map(target => rowValue(target, "loss", target.shown - 1));
  return view.whole || losses.length === 0 ? undefined : lossOf(view, Math.min(...losses) + shownNats);
}

function scalesOf(view, yTitle, logY, highest) {
  const common = {grid: {color: colour("--grid")}, ticks: {color: colour("--ink")}};
  const title = text => ({display: true, text, color: colour("--ink")});
  return {
    x: {...common, type: "logarithmic", title: title(view.group.name),
      ticks: {...common.ticks, maxRotation: 0, autoSkipPadding: 12,
        callback: value => /^[125]/.test(value.toExponential()) && Number(value.toPrecision(1)) === Number(value.toPrecision(6))
          ? axisText(view.group, value) : null}},
    y: {...common, type: logY ? "logarithmic" : "linear", title: title(yTitle), max: highest}};
}

// `found({target, place})` of a click, `read(text)` of what the pointer is at.
function makeFrontier(canvas, view, found, read) {
  const text = item => {
    const set = item.dataset;
    if (set.target) return pointText(view, set.target, item.dataIndex);
    return set.marks ? modelText(view, set.marks[item.dataIndex]) : "";
  };
  const chart = new Chart(canvas, {
    type: "line", data: {datasets: []},
    options: {
      animation: false, parsing: false, normalized: true, responsive: true, maintainAspectRatio: false,
      interaction: {mode: "nearest", intersect: false},
      onHover: (event, items) => {
        if (items.length > 0) read(text({dataset: chart.data.datasets[items[0].datasetIndex], dataIndex: items[0].index}));
      },
      onClick: (event, items) => {
        const item = items.find(each => chart.data.datasets[each.datasetIndex].target);
        if (item) found({target: chart.data.datasets[item.datasetIndex].target, place: item.index});
      },
      plugins: {
        legend: {display: false},
        tooltip: {callbacks: {title: () => "", label: item => text(item).split("; ")}}}},
    plugins: [{
      id: "surroundings",
      beforeDatasetsDraw: drawn => drawBands(drawn, view),
      afterDatasetsDraw: drawn => { drawBudgets(drawn, view); drawRings(drawn, view); }}]});
  chart.redraw = () => {
    chart.data.datasets = [...view.targets.map(target => curve(view, target)), modelMarks(view)];
    chart.options.scales = scalesOf(view, view.perplexity ? "perplexity" : "loss, nats per token", false, limitOf(view));
    chart.update("none");
  };
  return chart;
}

function makeShapes(canvas, view) {
  const chart = new Chart(canvas, {
    type: "line", data: {datasets: []},
    options: {
      animation: false, parsing: false, normalized: true, responsive: true, maintainAspectRatio: false,
      interaction: {mode: "nearest", intersect: false}, plugins: {legend: {display: false}}}});
  chart.redraw = () => {
    chart.data.datasets = view.targets.map(target => curve(view, target, view.quantity));
    chart.options.scales = scalesOf(view, view.quantityName, ["experts", "kv_heads", "ffn_ratio"].includes(view.quantity));
    chart.update("none");
  };
  return chart;
}
