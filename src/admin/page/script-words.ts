/** The part of the page's script that turns numbers into words and elements; plain JavaScript for browsers. */
export const WORDS = `
const $ = (id) => document.getElementById(id);

function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined) continue;
    if (name === 'text') element.textContent = value;
    else if (name === 'class') element.className = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function svg(tag, properties, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const count = (n) => (n < 100000 ? whole.format(n) : short.format(n));
const brief = (n) => (n < 10000 ? whole.format(n) : short.format(n));
// Of whatever currency the host counts in.
const money = (n) => (n < 0.01 ? n.toPrecision(2) : n < 1000 ? n.toFixed(2) : count(n));

function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit++; }
  return (n < 10 && unit > 0 ? n.toFixed(1) : Math.round(n)) + ' ' + units[unit];
}

function time(ms) {
  if (ms === null || ms === undefined) return '\\u2013';
  if (ms < 0.001) return '0';
  if (ms < 1) return Math.round(ms * 1000) + ' \\u00b5s';
  if (ms < 1000) return (ms < 10 ? ms.toFixed(1) : Math.round(ms)) + ' ms';
  if (ms < 60000) return (ms / 1000).toFixed(1) + ' s';
  if (ms < 3600000) return (ms / 60000).toFixed(1) + ' min';
  if (ms < 172800000) return (ms / 3600000).toFixed(1) + ' h';
  return (ms / 86400000).toFixed(0) + ' d';
}

const lifetime = (seconds) => (seconds === null ? 'never' : time(seconds * 1000));
// Rounded down: only all is 100%.
const percent = (share) => (Math.floor(share * 1000) / 10).toFixed(1) + '%';

function spark(values, width, height) {
  const top = Math.max(...values, 1);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map((value, index) => [(index * step).toFixed(1), (height - 2 - (value / top) * (height - 4)).toFixed(1)]);
  const line = points.map((point) => point.join(' ')).join(' L ');
  return svg('svg', { viewBox: '0 0 ' + width + ' ' + height, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('path', { class: 'spark-fill', d: 'M 0 ' + height + ' L ' + line + ' L ' + width + ' ' + height + ' Z' }),
    svg('path', { class: 'spark', d: 'M ' + line }));
}

function meter(share, slim) {
  const fill = el('i');
  fill.style.width = Math.max(0, Math.min(100, share * 100)) + '%';
  return el('div', { class: slim ? 'meter slim' : 'meter', 'aria-hidden': 'true' }, fill);
}

function toast(text) {
  const element = $('toast');
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { element.hidden = true; }, 4000);
}
`
