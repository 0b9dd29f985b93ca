// Keys, and a way to hide what is selected. Everything here can be done without it.
'use strict';
(() => {
  const all = (selector, root) => [...(root || document).querySelectorAll(selector)];
  const one = (selector, root) => (root || document).querySelector(selector);

  // Coming in: what stands behind # is sent by itself, and leaves the address.
  const enter = one('form.enter');
  if (enter && location.hash.length > 32) {
    one('#key').value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname);
    enter.requestSubmit();
    return;
  }

  // The item on which keys act.
  let items = all('[data-list] > li, .below > li, article[data-item]');
  let chosen = -1;
  const choose = (index, isMoving) => {
    if (!items.length) return;
    if (items[chosen]) items[chosen].classList.remove('chosen');
    chosen = Math.max(0, Math.min(index, items.length - 1));
    const item = items[chosen];
    item.classList.add('chosen');
    if (!isMoving) return;
    item.scrollIntoView({ block: items.length > 1 && item.tagName === 'ARTICLE' ? 'start' : 'nearest' });
    const focus = one('a', item);
    if (focus) focus.focus({ preventScroll: true });
  };
  if (location.hash) choose(items.findIndex((item) => '#' + item.id === location.hash), false);
  if (chosen < 0 && items.length === 1) choose(0, false);

  // Search: what is found follows what is typed. Markup is read by the browser itself, for a script may not.
  const typed = one('form.search input');
  const found = one('#found');
  if (typed && found) {
    let waiting = 0;
    let asked = null;
    const ask = () => {
      const url = '/search?q=' + encodeURIComponent(typed.value);
      // A word that is being typed is the beginning of one.
      const more = /[\p{L}\p{N}]$/u.test(typed.value) && !/[:"/][^\s]*$/.test(typed.value) ? '*' : '';
      if (asked) asked.abort();
      asked = new XMLHttpRequest();
      asked.responseType = 'document';
      asked.open('GET', url + more);
      asked.onload = () => {
        const page = asked.response;
        const isDone = asked.status === 200 && page && one('#found', page);
        // Of a question that is half written, what was found before stays.
        one('#count').textContent = one(isDone ? '#count' : '.refused', page || document)?.textContent || '';
        if (!isDone) return;
        found.replaceChildren(...[...one('#found', page).childNodes].map((node) => document.adoptNode(node)));
        history.replaceState(null, '', url);
        items = all('[data-list] > li');
        chosen = -1;
      };
      asked.send();
    };
    typed.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(ask, 250); });
    typed.form.addEventListener('submit', () => clearTimeout(waiting));
  }

  // A place of its own, such as one that was found: what it is folded into opens.
  const goTo = (element) => {
    for (let at = element; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
    element.scrollIntoView({ block: 'center' });
    for (const other of all('.found-here')) other.classList.remove('found-here');
    element.classList.add('found-here');
  };
  const query = new URLSearchParams(location.search);
  const at = query.get('at');
  const place = at && all('[data-seq]').find((element) => element.dataset.seq === at);
  // The words that were found there, by the texts that hold them: nothing is written as markup.
  const mark = (root, words) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const node of nodes) {
      for (let rest = node; rest; ) {
        const text = rest.data.toLowerCase();
        // Some letters are more than one when they are small: then places are others.
        if (text.length !== rest.length) break;
        const found = words.map((word) => [text.indexOf(word), word.length]).filter(([from]) => from >= 0);
        if (!found.length) break;
        const [from, length] = found.reduce((a, b) => (b[0] < a[0] ? b : a));
        const hit = rest.splitText(from);
        rest = hit.splitText(Math.min(length, hit.length));
        const marked = document.createElement('mark');
        hit.replaceWith(marked);
        marked.append(hit);
      }
    }
  };
  if (place) {
    const words = (query.get('mark') || '').split('\n').filter(Boolean);
    if (words.length) mark(place, words);
    goTo(one('mark', place) || place);
  }
  const failed = () => {
    const outcomes = all('main .outcome.bad');
    const now = outcomes.indexOf(one('.found-here'));
    const next = outcomes[now + 1] || outcomes[0];
    if (next) goTo(next);
    return Boolean(next);
  };

  // What a call was given and gave back, as the whole page tells it, opened where the call stands.
  const told = one('[data-session]');
  const isWhole = new URLSearchParams(location.search).get('show') === 'full' || one('.queue');
  const open = (item, button) => {
    const prompt = Number(item.closest('article').id.slice(1));
    const here = all(`[data-seq="${item.dataset.seq}"]`).indexOf(item);
    const asked = new XMLHttpRequest();
    asked.responseType = 'document';
    asked.open('GET', `/sessions/${told.dataset.session}?show=full&from=${Math.max(0, prompt - 2)}`);
    asked.onload = () => {
      const same = asked.response ? all(`li[data-seq="${item.dataset.seq}"]`, asked.response) : [];
      const whole = same.find((one, index) => one.className === item.className && index >= here) || same[0];
      if (whole) item.replaceWith(document.adoptNode(whole));
      else button.remove();
    };
    asked.send();
  };
  for (const item of told && !isWhole ? all('li.command, li.tool, li.mcp, li.file, li.web_search', told) : []) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'small';
    button.textContent = 'more';
    button.setAttribute('aria-label', 'More of this call');
    button.addEventListener('click', () => open(item, button));
    item.append(' ', button);
  }

  // What is selected in a session, to be hidden.
  const form = one('#hide');
  const bar = document.createElement('div');
  bar.id = 'selection';
  bar.hidden = true;
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Hide what is selected (r)';
  bar.append(button);
  const selected = () => {
    const selection = getSelection();
    const text = selection ? selection.toString().trim() : '';
    const node = text && selection.anchorNode;
    const from = node && (node.nodeType === 1 ? node : node.parentElement);
    return from && from.closest('[data-seq]') ? text : '';
  };
  const hide = () => {
    const text = selected();
    if (!text || !form) return false;
    one('textarea', form).value = text;
    // Where a passage is not found as it is shown, the whole text of its entry can be hidden.
    const at = (node) => (node.nodeType === 1 ? node : node.parentElement).closest('[data-seq]');
    const { anchorNode, focusNode } = getSelection();
    const from = at(anchorNode);
    if (from && from === at(focusNode)) one('input[name="entry"]', form).value = from.dataset.seq;
    form.requestSubmit();
    return true;
  };
  if (form) {
    document.body.append(bar);
    document.addEventListener('selectionchange', () => { bar.hidden = !selected(); });
    button.addEventListener('pointerdown', (event) => event.preventDefault());
    button.addEventListener('click', hide);
  }

  // Something is chosen: what can be said of several is at hand.
  const bulk = one('.bulk');
  document.addEventListener('change', (event) => {
    if (bulk && event.target.matches('.choice')) bulk.open = all('.choice:checked').length > 0;
  });

  // Keys that come too fast would judge the same prompt again.
  let isLeaving = false;
  document.addEventListener('submit', (event) => { isLeaving = event.target.matches('.judge'); });
  addEventListener('pageshow', () => { isLeaving = false; });

  const back = one('#back');
  if (back) {
    back.hidden = false;
    back.addEventListener('click', () => history.back());
  }

  // What comes while an agent works is shown as soon as nobody is in the middle of something.
  const main = one('main[data-end]');
  let hasOpened = false;
  addEventListener('click', (event) => { hasOpened ||= Boolean(event.target.closest('summary')); });
  const isBusy = () => hasOpened || chosen > 0 || String(getSelection()) || one('dialog[open], .choice:checked')
    || (document.activeElement && document.activeElement.matches('input, textarea, select'));
  const look = async () => {
    if (document.hidden) return;
    const answer = await fetch('/pulse').catch(() => null);
    if (!answer || !answer.ok || await answer.text() === main.dataset.end) return;
    if (!isBusy()) { location.reload(); return; }
    if (one('#more')) return;
    const more = document.createElement('div');
    more.id = 'more';
    more.className = 'toast';
    more.setAttribute('role', 'status');
    const show = document.createElement('a');
    show.href = location.href.split('#')[0];
    show.textContent = 'There is more: show it';
    more.append(show);
    main.prepend(more);
  };
  if (main && /^\/(sessions\/.*)?$/.test(location.pathname)) setInterval(look, 2000);
  // What goes on is looked at again.
  if (one('[data-reload]')) setTimeout(() => location.reload(), 2000);

  // The newest days are at the end.
  for (const heat of all('.heat')) heat.scrollLeft = heat.scrollWidth;

  // What somebody might take along: answers' code, commands, outputs.
  for (const pre of navigator.clipboard ? all('.answer pre, pre.output, pre.diff, pre.text') : []) {
    const copy = document.createElement('button');
    copy.type = 'button';
    copy.className = 'copy small';
    copy.textContent = 'copy';
    const text = pre.textContent;
    copy.addEventListener('click', async () => { await navigator.clipboard.writeText(text); copy.textContent = 'copied'; });
    pre.before(copy);
  }

  // What can be copied, by a click.
  for (const code of all('[data-copy]')) {
    code.title = 'Click to copy';
    code.addEventListener('click', () => navigator.clipboard.writeText(code.textContent));
  }

  const dialog = one('#keys-list');
  const keys = one('#keys');
  if (keys && dialog) {
    keys.hidden = false;
    keys.addEventListener('click', () => dialog.showModal());
  }

  const rooms = { s: '/', q: '/queue', f: '/search', r: '/redactions', h: '/rules', t: '/tokens', a: '/audit', e: '/export', x: '/settings' };
  let isGoing = false;
  const within = () => items[chosen] || document;
  const focus = (selector) => {
    const field = one(selector, within()) || one(selector);
    if (field) field.focus();
    return Boolean(field);
  };
  const press = (selector, root) => {
    const target = one(selector, root);
    if (target) target.click();
    return Boolean(target);
  };
  const acts = {
    j: () => press('a[data-key="j"]') || (choose(chosen + 1, true), true),
    k: () => press('a[data-key="k"]') || (choose(chosen - 1, true), true),
    t: () => focus('form.tag input[type="text"]'),
    n: () => focus('form.remark input[type="text"]'),
    r: hide,
    f: failed,
    s: () => press('[data-key="s"]', within()),
    '[': () => press('a[data-key="["]'),
    ']': () => press('a[data-key="]"]'),
    ',': () => press('a[data-key=","]'),
    '.': () => press('a[data-key="."]'),
    x: () => chosen >= 0 && press('.choice', items[chosen]),
    u: () => press('[data-key="u"]'),
    '/': () => { const field = one('input[type="search"]'); if (field) field.focus(); else location.assign('/search'); return true; },
    '?': () => { if (dialog) dialog.showModal(); return true; },
  };
  addEventListener('keydown', (event) => {
    const target = event.target;
    if (isLeaving || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (target.closest && target.closest('input, textarea, select, dialog')) {
      if (event.key === 'Escape' && target.blur) target.blur();
      return;
    }
    if (isGoing) {
      isGoing = false;
      const room = rooms[event.key];
      if (room && one('.top a[href="' + room + '"]')) location.assign(room);
      return;
    }
    if (event.key === 'g') { isGoing = true; return; }
    if (/^[1-9]$/.test(event.key)) {
      const chosenOnes = one('.choice:checked') && all('#bulk button[value^="disposition "]');
      const judgement = (chosenOnes || all('form.judge button', within()))[Number(event.key) - 1];
      if (judgement) judgement.click();
      return;
    }
    if (event.key === 'Enter' && target === document.body) {
      press('a', items[chosen]);
      return;
    }
    const act = acts[event.key];
    if (act && act()) event.preventDefault();
  });
})();
