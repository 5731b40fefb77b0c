/** The part of the page's script that draws a picture; plain JavaScript for browsers. */
export const VIEWS = `
const KEPT = 60;
const history = new Map();
let showIdle = false;
let drawnRuns = '';

function rates(name, total, at) {
  const past = history.get(name) || { total, at, values: [] };
  const seconds = (at - past.at) / 1000;
  if (seconds > 0) past.values.push(Math.max(0, (total - past.total) / seconds));
  if (past.values.length > KEPT) past.values.shift();
  history.set(name, { total, at, values: past.values });
  return past.values.length > 1 ? past.values : [0, 0];
}

const perSecond = (n) => (n === 0 || n >= 10 ? count(n) : n.toFixed(1));
const reads = (cache) => cache.hits + cache.misses + cache.stale + cache.coalesced;

function drawTiles(picture, at) {
  const { totals } = picture.stats;
  const { saved } = totals;
  const rate = rates('*', reads(totals), at);
  const trend = (name, total) => spark(rates(name, total, at), 160, 30);
  const served = totals.hits + totals.stale;
  const tiles = [
    ['Hit rate', totals.hit_rate, brief(served) + ' of ' + brief(served + totals.misses) + ' reads', meter(parseFloat(totals.hit_rate) / 100)],
    ['Reads a second', perSecond(rate.at(-1)), 'in the last second', spark(rate, 160, 30)],
    ['Calls saved', count(saved.calls), count(totals.coalesced) + ' shared in flight', trend('*calls', saved.calls)],
    ['Time saved', time(saved.ms), 'from measured loads', trend('*time', saved.ms)],
    ['Tokens saved', count(saved.tokens), saved.money > 0 ? 'worth ' + money(saved.money) : saved.tokens > 0 ? 'no price is known' : 'no load told any yet', trend('*tokens', saved.tokens)],
    ['Memory', bytes(totals.bytes), 'of ' + bytes(totals.max_bytes) + ', ' + brief(totals.size) + ' entries', meter(totals.bytes / totals.max_bytes)],
  ];
  $('tiles').replaceChildren(...tiles.map(([label, value, note, chart]) =>
    el('div', { class: 'tile' }, el('span', { class: 'label', text: label }), el('span', { class: 'value', text: value }),
      el('span', { class: 'note', text: note }), ...(chart ? [chart] : []))));
}

const COLUMNS = ['Namespace', 'Hit rate', 'Hits', 'Misses', 'Entries', 'Lives', 'Hit p95', 'Load p50', 'Load p95', 'Load p99', 'Saved', 'Reads', ''];

function causes(cache) {
  const named = Object.entries(cache.miss_causes).filter(([, n]) => n > 0).map(([cause, n]) => n + ' ' + cause);
  return named.length === 0 ? 'no misses' : named.join(', ');
}

function namespaceRow(key, cache, at) {
  const cell = (label, text, ...more) => el('td', { 'data-label': label }, ...more, ...(text === undefined ? [] : [el('span', { text })]));
  const values = rates(key, reads(cache), at);
  const misses = cell('Misses', count(cache.misses));
  misses.title = causes(cache);
  const clear = el('button', { type: 'button', class: 'quiet', text: 'Clear\\u2026', 'aria-label': 'Clear ' + cache.namespace, onclick: () => askToClear(cache.namespace) });
  return el('tr', { 'data-name': cache.namespace },
    el('th', { scope: 'row', text: cache.namespace }),
    cell('Hit rate', cache.hit_rate, meter(parseFloat(cache.hit_rate) / 100, true)),
    cell('Hits', count(cache.hits + cache.stale)), misses,
    cell('Entries', count(cache.size) + ' / ' + count(cache.max_size)), cell('Lives', lifetime(cache.ttl)),
    cell('Hit p95', time(cache.latency_ms.hit.p95)), cell('Load p50', time(cache.latency_ms.load.p50)),
    cell('Load p95', time(cache.latency_ms.load.p95)), cell('Load p99', time(cache.latency_ms.load.p99)),
    cell('Saved', time(cache.saved.ms)), cell('Reads', undefined, spark(values, 84, 22)), el('td', {}, clear));
}

function drawNamespaces(stats, at) {
  const focused = document.activeElement && document.activeElement.closest && document.activeElement.closest('tr[data-name]');
  const name = focused ? focused.dataset.name : undefined;
  const all = Object.entries(stats.caches);
  const used = all.filter(([, cache]) => reads(cache) + cache.size + cache.writes > 0);
  const shown = showIdle || used.length === 0 ? all : used;
  const idle = $('idle');
  idle.hidden = used.length === 0 || used.length === all.length;
  idle.setAttribute('aria-pressed', String(showIdle));
  setText(idle, (showIdle ? 'Hide ' : 'Show ') + (all.length - used.length) + ' unused');
  $('namespaces').replaceChildren(...shown.map(([key, cache]) => namespaceRow(key, cache, at)));
  if (name !== undefined) document.querySelector('tr[data-name="' + CSS.escape(name) + '"] button')?.focus();
  const where = $('where');
  if (where.options.length !== all.length + 1)
    where.replaceChildren(el('option', { value: '', text: 'everywhere' }), ...all.map(([, cache]) => el('option', { value: cache.namespace, text: cache.namespace })));
}

const WORDS_OF = { unknown: 'configured', unconfigured: 'not configured' };
const LOOKS = { ok: 'good', ready: 'good', degraded: 'warn', timeout: 'bad', failed: 'bad', down: 'bad', closed: 'bad', cancelled: '' };
const pill = (word) => el('span', { class: 'pill ' + (LOOKS[word] || ''), text: WORDS_OF[word] || word });
// As the handler has it: awayMs, lastError.
const label = (name) => name.slice(0, 1).toUpperCase() + name.slice(1).replace(/Ms$/, '').replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();

function drawTiers({ memory, store, providers, pool }) {
  const rows = [['Memory', bytes(memory.bytes) + ' in ' + count(memory.entries) + ' entries']];
  if (store === null) rows.push(['Shared store', 'none: this process alone']);
  else {
    rows.push(['Shared store', pill(store.away ? 'down' : store.deaf ? 'degraded' : 'ready')], ['Kind', store.kind]);
    for (const [name, value] of Object.entries(store))
      if (!['kind', 'away', 'deaf', 'pending'].includes(name) && value !== null && value !== 0 && typeof value !== 'object')
        rows.push([label(name), name.endsWith('Ms') ? time(value) : String(value)]);
    rows.push(['Owed invalidations', count(store.pending)]);
  }
  for (const [name, provider] of Object.entries(providers)) rows.push([name, pill(provider.state)]);
  if (pool !== null && typeof pool === 'object')
    for (const [name, value] of Object.entries(pool)) if (typeof value === 'number') rows.push(['Pool: ' + label(name).toLowerCase(), name.endsWith('Ms') ? time(value) : count(value)]);
  $('tiers').replaceChildren(...rows.flatMap(([name, value]) =>
    [el('dt', { text: name }), typeof value === 'string' ? el('dd', { text: value }) : el('dd', {}, value)]));
}

function bar(hop, run) {
  const total = Math.max(run.durationMs, 0.1);
  const one = el('i', { class: hop.status === 'ok' && hop.source === 'cache' ? 'kept' : hop.status });
  one.style.left = ((hop.startMs || 0) / total) * 100 + '%';
  one.style.width = hop.startMs === null ? '0' : Math.max(0.5, (hop.durationMs / total) * 100) + '%';
  if (hop.startMs === null || hop.status === 'skipped') one.style.display = 'none';
  return one;
}

function strip(run) {
  const hops = Object.values(run.hops);
  return el('span', { class: 'strip', 'aria-hidden': 'true' }, ...hops.map((hop, index) => {
    const one = bar(hop, run);
    one.style.top = ((index + 0.5) / hops.length) * 100 + '%';
    one.style.height = 'min(4px, ' + 100 / hops.length + '%)';
    return one;
  }));
}

function waterfall(run) {
  return el('div', { class: 'fall' }, ...Object.entries(run.hops).flatMap(([name, hop]) => {
    const words = [time(hop.durationMs), hop.status === 'ok' ? '' : hop.status, hop.reason || '', hop.source && hop.source !== 'live' ? 'from ' + hop.source : ''];
    return [el('span', { class: run.criticalPath.includes(name) ? 'critical' : '', text: name }),
      el('span', { class: 'track', 'aria-hidden': 'true' }, bar(hop, run)), el('span', { class: 'soft', text: words.filter(Boolean).join(' \\u00b7 ') })];
  }));
}

function drawRuns(runs) {
  const drawn = runs.map((run) => run.runId).join();
  if (drawn === drawnRuns && drawn !== '') return;
  const open = new Set([...document.querySelectorAll('#runs details[open]')].map((one) => one.dataset.run));
  const isFirst = drawnRuns === '';
  drawnRuns = drawn;
  if (runs.length === 0) {
    $('runs').replaceChildren(el('p', { class: 'empty', text: 'No run yet. Give adminHandler your pipelines to see their runs here.' }));
    return;
  }
  $('runs').replaceChildren(...runs.map((run, index) => {
    const details = el('details', { 'data-run': run.runId },
      el('summary', {}, el('strong', { text: run.pipeline }), pill(run.status), strip(run), el('span', { class: 'took', text: time(run.durationMs) }),
        el('span', { class: 'when soft small', text: new Date(run.startedAt).toLocaleTimeString() })), waterfall(run));
    details.open = open.has(run.runId) || (isFirst && index === 0);
    return details;
  }));
}

function drawKeys(keys) {
  $('keys').replaceChildren(keys.length === 0
    ? el('p', { class: 'empty', text: 'Nothing was read since this page is open. Keys are shown as digests.' })
    : el('ol', { class: 'keys' }, ...keys.map((one) => el('li', {},
        el('span', {}, el('strong', { text: one.namespace + ' ' }), el('code', { text: one.key })),
        el('span', { class: 'soft', text: count(one.reads) + ' reads, ' + percent(Math.min(1, one.hits / one.reads)) + ' hits' }),
        meter(one.reads / keys[0].reads)))));
}

function draw(picture) {
  const at = Date.parse(picture.at);
  const status = $('status');
  setText(status, picture.health.status);
  status.className = 'pill ' + (LOOKS[picture.health.status] || '');
  setText($('clock'), 'live, ' + new Date(at).toLocaleTimeString());
  drawTiles(picture, at);
  drawNamespaces(picture.stats, at);
  drawTiers(picture.health);
  drawRuns(picture.runs);
  drawKeys(picture.top_keys);
}
`
