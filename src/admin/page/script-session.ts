/** The part of the page's script that talks to the handler; plain JavaScript for browsers. */
export const SESSION = `
const base = location.pathname.replace(/\\/+$/, '');
const STORED = 'hopstash-token:' + base;
let token = sessionStorage.getItem(STORED);
let generation = 0;

const ask = (path, options) => fetch(base + path, { ...options, cache: 'no-store', headers: { ...(options && options.headers), authorization: 'Bearer ' + token } });

function showGate(error) {
  generation++;
  token = null;
  sessionStorage.removeItem(STORED);
  $('desk').hidden = true;
  $('gate').hidden = false;
  $('gate-error').textContent = error || '';
  $('token').value = '';
  $('token').focus();
}

function offline(text) {
  setText($('status'), text);
  $('status').className = 'pill bad';
}

async function live() {
  const mine = ++generation;
  let waitMs = 500;
  while (mine === generation) {
    try {
      const response = await ask('/live');
      if (response.status === 401 || response.status === 403) return showGate('This token does not fit.');
      if (!response.ok) throw new Error(String(response.status));
      $('gate').hidden = true;
      $('desk').hidden = false;
      waitMs = 500;
      await readPictures(response, mine);
    } catch {
      if (mine !== generation) return;
      if ($('desk').hidden) return showGate('The handler cannot be reached.');
      offline('reconnecting');
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    waitMs = Math.min(10000, waitMs * 2);
  }
}

async function readPictures(response, mine) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (mine !== generation) return reader.cancel();
    if (done) return;
    text += value;
    const parts = text.split('\\n\\n');
    text = parts.pop();
    const last = parts.at(-1);
    if (last !== undefined && last.startsWith('data: ')) draw(JSON.parse(last.slice(6)));
  }
}

function confirmed(title, text, action) {
  const dialog = $('confirm');
  $('confirm-title').textContent = title;
  $('confirm-text').textContent = text;
  $('confirm-yes').textContent = action;
  dialog.showModal();
  $('confirm-no').focus();
  return new Promise((resolve) => {
    const settle = (isYes) => () => { dialog.close(); resolve(isYes); };
    $('confirm-yes').onclick = settle(true);
    $('confirm-no').onclick = settle(false);
    dialog.oncancel = () => resolve(false);
  });
}

async function change(path, options, done) {
  try {
    const response = await ask(path, { method: 'POST', ...options });
    if (response.status === 401) return showGate('This token does not fit any more.');
    const body = await response.json();
    toast(response.ok ? done(body) : body.error.message);
  } catch {
    toast('The handler cannot be reached. Nothing is known of the change.');
  }
}

async function askToClear(name) {
  const what = name === undefined ? 'all namespaces' : name;
  if (!(await confirmed('Clear ' + what + '?', 'Every entry becomes a miss, in every process that shares the store. The next reads pay for their loads.', 'Clear'))) return;
  const query = name === undefined ? '' : '?cache_type=' + encodeURIComponent(name);
  await change('/clear' + query, {}, (body) => told('Cleared ' + body.cleared.join(', '), body.result));
}

function told(text, result) {
  if (result.store === 'queued') return text + '. The shared store is away: it is told later.';
  if (result.store === 'failed') return text + ' in this process. The shared store failed.';
  return text + '.';
}

$('columns').append(...COLUMNS.map((name) => el('th', { scope: 'col', 'data-label': name, text: name || 'Actions' })));
$('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  token = $('token').value.trim();
  sessionStorage.setItem(STORED, token);
  live();
});
$('sign-out').addEventListener('click', () => showGate());
$('clear-all').addEventListener('click', () => askToClear());
$('idle').addEventListener('click', () => { showIdle = !showIdle; });
$('invalidate').addEventListener('submit', async (event) => {
  event.preventDefault();
  const tags = $('tags').value.split(',').map((tag) => tag.trim()).filter(Boolean);
  if (tags.length === 0) return;
  const where = $('where').value;
  if (!(await confirmed('Invalidate ' + (tags.length === 1 ? tags[0] : tags.length + ' tags') + '?', 'Entries with ' + (tags.length === 1 ? 'this tag' : 'any of these tags') + ' become misses ' + (where === '' ? 'everywhere' : 'in ' + where) + '.', 'Invalidate'))) return;
  const body = JSON.stringify({ tags, ...(where !== '' && { cache_type: where }) });
  await change('/invalidate', { body, headers: { 'content-type': 'application/json' } }, (answer) => told('Invalidated', answer.result));
});
if (token === null) showGate();
else live();
`
