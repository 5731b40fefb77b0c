/** Styles of the dashboard. Both colour schemes; one column on a phone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --bg: #f6f7f9; --card: #ffffff; --line: #e3e6ea; --text: #14181d; --soft: #59626e; --faint: #eef0f3;
  --accent: #3355dd; --accent-soft: #dfe5fb; --good: #0a6640; --good-soft: #d8f0e3; --warn: #8a5a00; --warn-soft: #fbeccb;
  --bad: #b3261e; --bad-soft: #fbdedb; --shadow: 0 1px 2px rgb(20 24 29 / .05), 0 4px 16px rgb(20 24 29 / .04);
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0f1216; --card: #171b21; --line: #2a3038; --text: #e9edf2; --soft: #a1abb8; --faint: #20262d;
    --accent: #93a8ff; --accent-soft: #28325a; --good: #63d69c; --good-soft: #143a28; --warn: #f0bf5d; --warn-soft: #40310f;
    --bad: #ff9a92; --bad-soft: #4a1f1c; --shadow: none;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%; }
[hidden] { display: none !important; }
h1, h2, h3, p { margin: 0; }
h1 { font-size: 18px; letter-spacing: -.01em; }
h2 { font-size: 15px; letter-spacing: -.005em; }
button, input, select { font: inherit; color: inherit; }
button { border: 1px solid var(--line); background: var(--card); border-radius: 8px; padding: 5px 12px; cursor: pointer; min-height: 34px; white-space: nowrap; }
button:hover { background: var(--faint); }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--card); font-weight: 600; }
button.danger { background: var(--bad); border-color: var(--bad); color: var(--card); font-weight: 600; }
button.quiet { border-color: transparent; background: transparent; color: var(--soft); padding: 5px 8px; }
button.quiet:hover { color: var(--text); background: var(--faint); }
input, select { border: 1px solid var(--line); background: var(--bg); border-radius: 8px; padding: 6px 10px; min-height: 36px; max-width: 100%; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
header { position: sticky; top: 0; z-index: 2; background: color-mix(in srgb, var(--bg) 88%, transparent); backdrop-filter: blur(8px); border-bottom: 1px solid var(--line); }
.bar { display: flex; align-items: center; gap: 12px; flex-wrap: wrap; max-width: 1240px; margin: 0 auto; padding: 10px 20px; }
.brand { display: flex; align-items: center; gap: 9px; }
.brand svg { display: block; color: var(--accent); }
.grow { flex: 1; }
#desk main { max-width: 1240px; margin: 0 auto; padding: 20px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 20px; }
.pill { display: inline-flex; align-items: center; gap: 6px; border-radius: 99px; padding: 2px 10px; font-size: 13px; font-weight: 600; background: var(--faint); color: var(--soft); white-space: nowrap; }
.pill::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: currentColor; }
.pill.good { background: var(--good-soft); color: var(--good); } .pill.warn { background: var(--warn-soft); color: var(--warn); } .pill.bad { background: var(--bad-soft); color: var(--bad); }
.soft { color: var(--soft); } .small { font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); }
.tile { padding: 14px 16px; display: flex; flex-direction: column; gap: 3px; min-height: 122px; }
.tile .label { color: var(--soft); font-size: 13px; }
.tile .value { font-size: 28px; font-weight: 650; letter-spacing: -.02em; line-height: 1.2; }
.tile .note { color: var(--soft); font-size: 13px; margin-bottom: 8px; }
.tile svg { width: 100%; height: 30px; display: block; }
.tile > svg, .tile > .meter { margin-top: auto; }
.meter { height: 6px; border-radius: 99px; background: var(--faint); overflow: hidden; flex: none; }
.meter > i { display: block; height: 100%; width: 0; background: var(--accent); border-radius: 99px; transition: width .4s ease; }
.meter.slim { margin: 0; height: 5px; width: 74px; display: inline-block; vertical-align: middle; margin-right: 8px; }
.card > .head { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; padding: 14px 18px 10px; }
.card > .body { padding: 0 18px 16px; }
.scroll { overflow-x: auto; border-radius: 0 0 14px 14px; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 9px 8px; text-align: right; border-top: 1px solid var(--line); white-space: nowrap; }
th { font-size: 12.5px; font-weight: 600; color: var(--soft); border-top: 0; }
th:first-child, td:first-child { text-align: left; padding-left: 18px; }
td:last-child, th:last-child { padding-right: 14px; }
tbody th { font-weight: 600; color: var(--text); font-size: 15px; border-top: 1px solid var(--line); }
tbody tr:hover { background: color-mix(in srgb, var(--faint) 60%, transparent); }
td[data-label="Hit rate"] span { display: inline-block; min-width: 4.6em; }
td button.quiet { color: var(--accent); }
td svg { width: 84px; height: 22px; display: block; margin-left: auto; }
.spark { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.spark-fill { fill: var(--accent-soft); stroke: none; opacity: .7; }
.columns { display: grid; grid-template-columns: minmax(0, 1.65fr) minmax(0, 1fr); gap: 20px; align-items: start; }
.stack { display: grid; grid-template-columns: minmax(0, 1fr); gap: 20px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 6px 16px; align-items: center; margin: 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
details { border-top: 1px solid var(--line); } details:first-of-type { border-top: 0; }
summary { cursor: pointer; display: grid; grid-template-columns: 11px minmax(0, 8.5em) 7.5em minmax(0, 1fr) 4.6em 6.4em; align-items: center; gap: 4px 12px; padding: 9px 0; list-style: none; }
summary strong { overflow-wrap: anywhere; } summary .pill { justify-self: start; } summary .took, summary .when { text-align: right; white-space: nowrap; }
.strip { position: relative; height: 20px; background: var(--faint); border-radius: 5px; overflow: hidden; } .strip > i { position: absolute; min-width: 2px; background: var(--good); border-radius: 2px; transform: translateY(-50%); }
details[open] .strip { visibility: hidden; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "\\25B8"; color: var(--soft); font-size: 11px; } details[open] > summary::before { content: "\\25BE"; }
.fall { display: grid; grid-template-columns: minmax(70px, auto) 1fr auto; gap: 5px 10px; padding: 2px 0 14px; align-items: center; font-size: 13px; }
.track { height: 14px; background: var(--faint); border-radius: 4px; position: relative; overflow: hidden; }
.track > i { position: absolute; top: 0; bottom: 0; min-width: 3px; border-radius: 4px; background: var(--good); }
.track > i.kept, .strip > i.kept { background: var(--accent); }
.strip > i.degraded { background: var(--warn); } .strip > i.failed { background: var(--bad); } .strip > i.cancelled { background: var(--soft); }
.track > i.degraded { background: repeating-linear-gradient(135deg, var(--warn) 0 5px, color-mix(in srgb, var(--warn) 65%, transparent) 5px 9px); }
.track > i.failed { background: var(--bad); } .track > i.skipped, .track > i.cancelled { background: var(--soft); opacity: .5; }
.fall .critical { font-weight: 650; }
ol.keys { margin: 0; padding: 0; list-style: none; display: grid; gap: 8px; font-size: 14px; }
ol.keys li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 3px 12px; } ol.keys .meter { grid-column: 1 / -1; height: 3px; }
code { font: 13px/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
form.row { display: flex; flex-wrap: wrap; gap: 10px; align-items: end; }
label { display: grid; gap: 4px; font-size: 13px; color: var(--soft); } label input, label select { color: var(--text); font-size: 15px; }
label.wide { flex: 4 1 240px; } form label { flex: 1 1 140px; }
.gate { width: calc(100% - 32px); max-width: 420px; margin: 12vh auto 0; padding: 26px; display: grid; gap: 16px; }
.gate .row > label { flex: 1; }
.error { color: var(--bad); font-size: 14px; } .error:empty { margin-top: -16px; }
dialog { border: 1px solid var(--line); border-radius: 16px; background: var(--card); color: var(--text); padding: 22px; max-width: min(440px, calc(100vw - 32px)); box-shadow: 0 20px 60px rgb(0 0 0 / .35); }
dialog::backdrop { background: rgb(10 12 16 / .5); }
dialog p { margin: 8px 0 18px; color: var(--soft); } .actions { display: flex; justify-content: flex-end; gap: 10px; }
.empty { color: var(--soft); padding: 6px 0 2px; }
#toast { position: fixed; left: 50%; bottom: 22px; transform: translateX(-50%); background: var(--text); color: var(--bg); padding: 9px 16px; border-radius: 10px; font-size: 14px; max-width: calc(100vw - 32px); }
@media (max-width: 1140px) { .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media (max-width: 1060px) { .meter.slim, [data-label="Load p50"], [data-label="Load p99"] { display: none; } }
@media (max-width: 900px) { [data-label="Hit p95"] { display: none; } .columns { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 720px) {
  #desk main { padding: 14px; gap: 14px; } .bar { padding: 10px 14px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .tile { min-height: 104px; padding: 12px 14px; } .tile .value { font-size: 23px; }
  table, tbody, tr, td, tbody th { display: block; } thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { padding: 12px 16px; border-top: 1px solid var(--line); display: grid; grid-template-columns: 1fr 1fr; gap: 3px 18px; }
  tbody th, tbody th:first-child, td, td:first-child, td:last-child { border: 0; padding: 0; text-align: left; white-space: nowrap; }
  tbody th:first-child { grid-column: 1; align-self: center; padding-bottom: 2px; }
  td[data-label] { display: flex; }
  summary { grid-template-columns: 11px minmax(0, 1fr) auto 4.6em; } summary .strip { grid-column: 2 / 4; grid-row: 2; height: 14px; } summary .when { grid-column: 4; grid-row: 2; margin-left: -40px; }
  .bar { gap: 7px; flex-wrap: nowrap; } .bar button { padding: 5px 9px; font-size: 14px; } .bar .quiet { padding: 5px 3px; } .bar h1 { font-size: 15px; } .bar .brand { gap: 6px; }
  .fall { grid-template-columns: auto minmax(0, 1fr); gap: 2px 10px; } .fall .track { grid-column: 1 / -1; order: 0; margin-bottom: 6px; }
  .fall > .soft { text-align: right; } .fall > span { order: 0; } .fall { grid-auto-flow: row dense; }
  ol.keys li { grid-template-columns: minmax(0, 1fr); }
  #clock { display: none; }
  td { display: flex; justify-content: space-between; gap: 8px; } td::before { content: attr(data-label); color: var(--soft); font-size: 13px; }
  td[data-label="Reads"] { grid-column: 1 / -1; align-items: center; } td svg { width: 70%; margin: 0; } td[data-label="Hit rate"] span { min-width: 0; }
  td:last-child::before { content: none; } td:last-child { grid-row: 1; grid-column: 2; justify-content: flex-end; } td:last-child button { margin-right: -8px; }
  .scroll { overflow: visible; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`
