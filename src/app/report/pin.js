// A pinned point: everything the page knows of it.

function definitions(pairs) {
  return make("dl", {}, ...pairs.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
}

// Shares of a pass: thousandths, negative where compute binds.
function operatorTable(title, shares, place) {
  const entries = Object.entries(shares).map(([name, column]) => [name, column[place]])
    .filter(([, share]) => share !== 0).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  if (entries.length === 0) return "";
  return makeTable(title, ["operator", "share of the pass", "held by", "as a bar"], entries.map(([name, share]) => {
    const bar = make("div", {class: share < 0 ? "share compute" : "share"});
    bar.style.width = `${Math.abs(share) / 10}px`;
    const held = name === "overhead" ? "overhead" : share < 0 ? "compute" : "bandwidth";
    return [name.replace(/_/g, " "), `${(Math.abs(share) / 10).toFixed(1)} %`, held, bar];
  }));
}

function worthTable(group, target, place, title) {
  const worth = name => worthValue(target, `worth_${name}`, place);
  const share = name => worthValue(target, `elasticity_${name}`, place);
  const percent = value => value === null ? "unknown" : `${(100 * value).toFixed(0)} %`;
  const nats = value => value === null ? "unknown" : `${(10 * value).toFixed(4)} nats`;
  return makeTable(title, ["of the chip", "share of the time", "10 % more is worth"], [
    ["compute", percent(share("compute")), nats(worth("compute"))],
    ["bandwidth", percent(share("bandwidth")), nats(worth("bandwidth"))],
    ["overhead", percent(share("overhead")), ""],
    ["memory", "", nats(worth("memory"))]]);
}

function exchangeTable(group, target, place, title) {
  const rows = [["layers", "exchange_layers"], ["width", "exchange_width"], ["FFN ratio", "exchange_ffn_ratio"],
    ["KV dimension", "exchange_kv_dim"]].map(([name, column]) => {
    const rate = worthValue(target, column, place);
    const step = rowValue(target, "objective", place) / 100;
    return [name, rate === null ? "none" : `${(rate * step).toFixed(4)} nats`];
  });
  return makeTable(title, ["1 % more time, spent on", "lowers the loss by"], rows);
}

function pinCard(group, target, place, remove) {
  const value = name => rowValue(target, name, place);
  const range = (low, high, write) => low === null || high === null ? "band unknown" : `${write(low)} to ${write(high)}`;
  const name = `${curveName(target)}, ${objectiveText(group, value("objective"))}, loss ${digits(value("loss"), 4)}`;
  return make("article", {class: "pin", "aria-label": name},
    make("h3", {}, name), make("p", {}, architecture(target, place)),
    definitions([
      ["prompt, all tokens, each", `${seconds(value("prefill_s"))}, ${seconds(value("decode_s"))}, ${seconds(value("tpot_s"))}`],
      ["nine of ten times", range(value("latency_low_s"), value("latency_high_s"), seconds)],
      ["perplexity", digits(perplexity(value("loss")), 2)],
      ["loss, by what is known", range(value("loss_low"), value("loss_high"), x => x.toFixed(4))],
      ["law", value("extrapolated") ? "extrapolates here" : "in its range"],
      ["memory", `${bytes(value("memory_bytes"))} of ${target.memory_budget_bytes === null ? "no limit" : bytes(target.memory_budget_bytes)}`],
      ["parameters, active", `${count(value("params_total"))}, ${count(value("params_active"))}`],
      ["FFN ratio, activation rate", `${digits(value("ffn_ratio"), 3)}, ${digits(value("activation_rate"), 4)}`],
      ["energy", value("energy_j") === null ? "unknown" : joules(value("energy_j"))]]),
    operatorTable(`Last pass of the prompt: ${name}`, target.prefill, place),
    operatorTable(`First token: ${name}`, target.decode, place),
    worthTable(group, target, place, `Where the time goes: ${name}`),
    exchangeTable(group, target, place, `What time buys: ${name}`),
    make("button", {type: "button", onclick: remove, "aria-label": `Remove ${name}`}, "Remove"));
}
