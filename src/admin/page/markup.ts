/** The empty shell of the dashboard: it holds no data, and asks for the token itself. */
export const MARKUP = `
<main id="gate" class="card gate" hidden>
  <div class="brand">${logo()}<h1>hopstash</h1></div>
  <p class="soft">This page shows nothing without the token of the admin handler. It stays in this tab.</p>
  <form id="sign-in" class="row">
    <label for="token">Token<input id="token" type="password" autocomplete="current-password" required></label>
    <button class="primary">Open</button>
  </form>
  <p class="error" id="gate-error" role="alert"></p>
</main>
<div id="desk" hidden>
  <header>
    <div class="bar">
      <div class="brand">${logo()}<h1>hopstash</h1></div>
      <span id="status" class="pill" role="status">connecting</span>
      <span id="clock" class="soft small"></span>
      <span class="grow"></span>
      <button id="clear-all" type="button">Clear all…</button>
      <button id="sign-out" type="button" class="quiet">Sign out</button>
    </div>
  </header>
  <main>
    <section class="tiles" id="tiles" aria-label="Summary"></section>
    <div class="card">
      <div class="head">
        <h2 id="h-namespaces">Namespaces</h2><span class="grow"></span>
        <button id="idle" type="button" class="quiet" aria-pressed="false" hidden></button>
      </div>
      <div class="scroll" tabindex="0" role="region" aria-labelledby="h-namespaces">
        <table>
          <thead><tr id="columns"></tr></thead>
          <tbody id="namespaces"></tbody>
        </table>
      </div>
    </div>
    <div class="columns">
      <div class="stack">
        <section class="card" aria-labelledby="h-runs">
          <div class="head"><h2 id="h-runs">Last pipeline runs</h2></div>
          <div class="body" id="runs"></div>
        </section>
        <section class="card" aria-labelledby="h-invalidate">
          <div class="head"><h2 id="h-invalidate">Invalidate by tag</h2></div>
          <div class="body">
            <form id="invalidate" class="row">
              <label class="wide" for="tags">Tags, separated by commas<input id="tags" required autocomplete="off" spellcheck="false"></label>
              <label for="where">Where<select id="where"></select></label>
              <button>Invalidate…</button>
            </form>
          </div>
        </section>
      </div>
      <div class="stack">
        <section class="card" aria-labelledby="h-tiers">
          <div class="head"><h2 id="h-tiers">Tiers and providers</h2></div>
          <div class="body"><dl id="tiers"></dl></div>
        </section>
        <section class="card" aria-labelledby="h-keys">
          <div class="head"><h2 id="h-keys">Most read while you look</h2></div>
          <div class="body" id="keys"></div>
        </section>
      </div>
    </div>
  </main>
</div>
<dialog id="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-text">
  <h2 id="confirm-title"></h2>
  <p id="confirm-text"></p>
  <div class="actions">
    <button type="button" id="confirm-no">Keep</button>
    <button type="button" id="confirm-yes" class="danger"></button>
  </div>
</dialog>
<div id="toast" role="status" hidden></div>
<noscript>The dashboard needs JavaScript. GET stats has the same numbers as JSON.</noscript>
`

function logo(): string {
  return '<svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"><path d="M3 19c3-9 6-9 8 0 2-7 5-7 7 0 1-4 3-5 5-5"/><circle cx="3" cy="19" r="1.6" fill="currentColor" stroke="none"/></svg>'
}
