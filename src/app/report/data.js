"use strict";
// The numbers of the page, and how they are written. Texts reach the page as text only.

const data = JSON.parse(document.getElementById("data").textContent);

// A column whose values are all equal is stored as that value.
function valueAt(columns, name, place) {
  const column = columns[name];
  return Array.isArray(column) ? column[place] : column;
}
const rowValue = (target, name, place) => valueAt(target.rows, name, place);
const worthValue = (target, name, place) => valueAt(target.sensitivity, name, place);

function withUnit(value, units) {
  if (value === null || value === undefined || !isFinite(value)) return "unknown";
  const [factor, name] = units.find(([least]) => Math.abs(value) >= least) || units[units.length - 1];
  return `${Number((value / factor).toPrecision(4))} ${name}`;
}
const seconds = value => withUnit(value, [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]]);
const joules = value => withUnit(value, [[1e3, "kJ"], [1, "J"], [1e-3, "mJ"]]);
const bytes = value => withUnit(value, [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [1024, "KiB"]]);
const count = value => withUnit(value, [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]]);
const digits = (value, places) => value === null || value === undefined ? "unknown" : value.toFixed(places);

const objectiveText = (group, value) => (group.axis === "J" ? joules : seconds)(value);
const curveName = target => `${target.device} ${target.precision}`;
const perplexity = loss => Math.exp(loss);

function architecture(target, place) {
  const value = name => rowValue(target, name, place);
  let text = `${value("layers")} layers of width ${value("width")}, `;
  text += value("kv_heads") > 0 ? `KV heads ${value("kv_heads")} of ${value("heads")}`
                                : `${value("attention")} of rank ${value("kv_lora_rank")}`;
  text += value("experts") > 1 ? `, ${value("experts")} experts of ${value("expert_ffn")}, top-${value("top_k")}`
                               : `, FFN ${value("expert_ffn")}`;
  if (value("shared_ffn") > 0) text += ` beside a shared one of ${value("shared_ffn")}`;
  return text;
}

// The slowest point within a budget has the lowest loss; -1 if none is as fast.
function bestWithin(target, budget) {
  let found = -1;
  for (let place = 0; place < target.shown && rowValue(target, "objective", place) <= budget; ++place) found = place;
  return found;
}

// Elements: make("p", {id: "x"}, "text", child, ...).
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function makeTable(caption, titles, rows) {
  const head = make("tr", {}, ...titles.map(title => make("th", {scope: "col"}, title)));
  const body = rows.map(row => make("tr", {}, ...row.map((cell, column) =>
    make(column === 0 ? "th" : "td", column === 0 ? {scope: "row"} : {}, cell))));
  return make("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": caption},
    make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body)));
}

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
