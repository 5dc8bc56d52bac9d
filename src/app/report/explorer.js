// The controls of the frontier chart, its keyboard, and the pins below it.

const quantities = [["layers", "layers"], ["width", "width"], ["experts", "experts"], ["ffn_ratio", "activated FFN ratio"],
  ["kv_heads", "KV heads"], ["params_active", "active parameters"], ["memory_bytes", "memory, bytes"]];

function startExplorer() {
  const view = {
    group: data.groups[0], targets: [], budgets: [], pins: [], cursor: null, budget: null,
    devices: new Set(data.devices.slice(0, 6)), precisions: new Set(data.precisions.slice(0, data.devices.length > 3 ? 1 : 3)),
    perplexity: false, latencyBand: false, lossBand: false, models: true, whole: false, quantity: "layers", quantityName: "layers"};
  const place = document.getElementById("explorer");
  const reading = make("p", {id: "reading", role: "status"});
  const best = make("div", {id: "best"}), pins = make("div", {id: "pins"}), legend = make("ul", {class: "legend"});
  const canvas = make("canvas", {"aria-hidden": "true"}), shapes = make("canvas", {"aria-hidden": "true"});
  const plot = make("div", {id: "plot", class: "plot", tabindex: "0", role: "application",
    "aria-label": "Chart of loss against time", "aria-describedby": "plot-help"}, canvas);

  // `then`: refresh, or a painting where the curves stay as they are.
  const box = (text, checked, change, id, then = () => refresh()) => {
    const input = make("input", {type: "checkbox", id, checked, onchange: event => { change(event.target.checked); then(); }});
    return make("label", {}, input, " ", text);
  };
  const boxes = (legendText, kind, names, chosen) => {
    const set = make("fieldset", {}, make("legend", {}, legendText),
      ...names.map((name, i) => box(name, chosen.has(name), on => on ? chosen.add(name) : chosen.delete(name), `${kind}-${i}`)));
    if (names.length > 3) {
      const all = on => {
        names.forEach(name => on ? chosen.add(name) : chosen.delete(name));
        set.querySelectorAll("input").forEach(input => { input.checked = on; });
        refresh();
      };
      set.append(make("button", {type: "button", onclick: () => all(true)}, `All ${legendText}`), " ",
        make("button", {type: "button", onclick: () => all(false)}, `No ${legendText}`));
    }
    return set;
  };
  const choice = (id, text, options, chosen, change) => make("label", {}, `${text} `,
    make("select", {id, onchange: event => { change(Number(event.target.value)); refresh(); }},
      ...options.map((option, i) => make("option", {value: i, selected: i === chosen}, option))));

  function parseBudget(text) {
    const found = /^\s*([0-9.]+(?:e[+-]?\d+)?)\s*(us|µs|ms|s|mj|j|kj)?\s*$/i.exec(text);
    if (!found) return null;
    const unit = (found[2] || (view.group.axis === "J" ? "j" : "ms")).toLowerCase();
    const value = Number(found[1]) * {us: 1e-6, "µs": 1e-6, ms: 1e-3, s: 1, mj: 1e-3, j: 1, kj: 1e3}[unit];
    return value > 0 && isFinite(value) ? value : null;
  }

  let later = 0;
  // Pins do not change the curves: they are painted again, not computed.
  function showPin(pin) {
    pin.card = pinCard(view.group, pin.target, pin.place, () => unpin(pin));
    pins.append(pin.card);
  }
  function unpin(pin) {
    view.pins = view.pins.filter(other => other !== pin);
    pin.card.remove();
    frontier.draw();
    plot.focus();
  }
  function pin({target, place}) {
    if (view.pins.some(other => other.target === target && other.place === place)) return;
    view.pins.push({target, place});
    showPin(view.pins[view.pins.length - 1]);
    frontier.draw();
  }

  function showBest() {
    best.replaceChildren();
    if (view.budget === null) return;
    best.append(makeTable(`Best of the points shown within ${objectiveText(view.group, view.budget)}`,
      ["chip", "loss", "perplexity", "time", "architecture", "law"], view.targets.map(target => {
        const at = bestWithin(target, view.budget);
        if (at < 0) return [curveName(target), "none as fast", "", "", "", ""];
        const loss = rowValue(target, "loss", at);
        return [curveName(target), digits(loss, 4), digits(perplexity(loss), 2),
          objectiveText(view.group, rowValue(target, "objective", at)), architecture(target, at),
          rowValue(target, "extrapolated", at) ? "extrapolates" : "in range"];
      })));
  }

  function showLegend() {
    legend.replaceChildren(...view.targets.map(target => {
      const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      for (const [name, value] of Object.entries({viewBox: "0 0 30 12", width: 30, height: 12, "aria-hidden": "true"}))
        swatch.setAttribute(name, value);
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
      line.setAttribute("class", `line c${target.colour} d${target.dash % 4}`);
      line.setAttribute("d", "M0 6H30");
      swatch.append(line);
      return make("li", {}, swatch, ` ${curveName(target)}`);
    }));
  }

  function showBudgets() {
    view.budgets = [...new Set(view.targets.map(target => target.limit).filter(limit => limit !== null))]
      .map(limit => [limit, `limit ${objectiveText(view.group, limit)}`]);
    view.budgets.push(...view.group.budgets.map(budget => [budget, `budget ${objectiveText(view.group, budget)}`]));
    if (view.budget !== null) view.budgets.push([view.budget, objectiveText(view.group, view.budget)]);
  }

  function refresh() {
    const index = data.groups.indexOf(view.group);
    view.targets = data.targets.filter(target => target.group === index && target.shown > 0 &&
      view.devices.has(target.device) && view.precisions.has(target.precision));
    showBudgets();
    view.pins = view.pins.filter(each => each.target.group === index);
    if (view.cursor && !view.targets.includes(view.cursor.target)) view.cursor = null;
    frontier.redraw();
    clearTimeout(later);
    later = setTimeout(() => shape.redraw(), 50);  // the answer to a click first
    showLegend();
    showBest();
    pins.replaceChildren(...view.pins.map(each => each.card));
    if (view.targets.length === 0) reading.textContent = "No curve is chosen, or none of these has points.";
  }

  function move(event) {
    if (view.targets.length === 0) return;
    const cursor = view.cursor || {target: view.targets[0], place: -1};
    const last = cursor.target.shown - 1;
    const steps = {ArrowRight: Math.min(cursor.place + 1, last), ArrowLeft: Math.max(cursor.place - 1, 0), Home: 0, End: last};
    let {target, place: to} = cursor;
    if (event.key in steps) {
      to = steps[event.key];
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const count = view.targets.length, by = event.key === "ArrowDown" ? 1 : count - 1;
      const now = rowValue(target, "objective", Math.max(to, 0));
      target = view.targets[(view.targets.indexOf(target) + by) % count];
      to = Math.max(bestWithin(target, now), 0);
    } else if ((event.key === "Enter" || event.key === " ") && view.cursor) {
      pin({...view.cursor});
    } else if (event.key === "Escape" && view.pins.length > 0) {
      view.pins.pop().card.remove();
    } else {
      return;
    }
    event.preventDefault();
    view.cursor = {target, place: Math.max(to, 0)};
    reading.textContent = pointText(view, target, view.cursor.place);
    frontier.draw();
  }

  const budget = make("input", {type: "text", id: "budget", inputmode: "text", autocomplete: "off", placeholder: "100 ms",
    onchange: event => {
      view.budget = parseBudget(event.target.value);
      event.target.setAttribute("aria-invalid", String(event.target.value.trim() !== "" && view.budget === null));
      showBudgets();
      showBest();
      frontier.draw();
    }});
  place.append(
    make("fieldset", {}, make("legend", {}, "What is drawn"),
      choice("group", "Targets", data.groups.map(group => group.name), data.groups.indexOf(view.group),
        i => { view.group = data.groups[i]; }),
      box("perplexity", false, on => { view.perplexity = on; }, "perplexity"),
      box("bands of the times", false, on => { view.latencyBand = on; }, "latency-band", () => frontier.draw()),
      box("bands of the loss", false, on => { view.lossBand = on; }, "loss-band", () => frontier.draw()),
      box("whole curves, not the lowest 2 nats", false, on => { view.whole = on; }, "whole"),
      box("models", true, on => { view.models = on; }, "models"),
      make("label", {}, "Budget ", budget)),
    boxes("chips", "device", data.devices, view.devices),
    boxes("precisions", "precision", data.precisions, view.precisions),
    plot, legend,
    make("p", {id: "plot-help", class: "quiet"}, "Point to read, click to pin. With the keyboard: left and right along a curve, " +
      "up and down between curves, Enter to pin, Escape to remove the last pin. Hollow points: the law extrapolates. " +
      "Triangles: public models; diamonds: your own."),
    reading, best, pins,
    make("h3", {}, "The same curves by what is built"),
    choice("quantity", "Show", quantities.map(([, name]) => name), 0,
      i => { [view.quantity, view.quantityName] = quantities[i]; }),
    make("div", {class: "plot low", role: "img", "aria-label": "Sizes along the chosen curves; as tables in the section on architectures"}, shapes));
  place.hidden = false;
  const frontier = makeFrontier(canvas, view, pin, text => { reading.textContent = text; });
  const shape = makeShapes(shapes, view);
  plot.addEventListener("keydown", move);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  const still = document.querySelector("#static-frontiers details");
  if (still) still.open = false;
  refresh();
}

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(each => { each.open = true; }));
if (data) startExplorer();
