'use strict';
// Keeps the page up to date and sends its commands. Every text comes escaped from the server; nothing here makes HTML of one.
(() => {
  const live = document.getElementById('live');
  const answer = document.getElementById('answer');
  const waiting = new Map();
  let heardAt = 0;

  // A person who types must not lose what was typed: such a part is replaced when the focus leaves it.
  const isInUse = (place) =>
    place.contains(document.activeElement) && document.activeElement.matches('input, textarea, select');

  const show = (id, html) => {
    const place = document.getElementById(id);
    if (!place || place.dataset.html === html) return;
    if (isInUse(place)) {
      waiting.set(id, html);
      return;
    }
    waiting.delete(id);
    const focused = place.contains(document.activeElement) ? document.activeElement.id : '';
    const left = Array.from(place.querySelectorAll('.scroll'), (box) => box.scrollLeft);
    place.innerHTML = html;
    place.dataset.html = html;
    place.querySelectorAll('.scroll').forEach((box, index) => { box.scrollLeft = left[index] || 0; });
    if (focused) document.getElementById(focused)?.focus();
    const state = place.querySelector('[data-state]');
    if (state) {
      document.title = `Kestrel: ${state.dataset.state}`;
      document.body.dataset.state = state.dataset.state;
    }
  };

  document.addEventListener('focusout', () => setTimeout(() => {
    waiting.forEach((html, id) => show(id, html));
  }));

  const say = (isLive, text) => {
    if (live.textContent !== text) live.textContent = text;
    live.dataset.live = isLive ? 'yes' : 'no';
  };

  const listen = () => {
    const events = new EventSource('/events');
    events.addEventListener('part', (event) => {
      const { id, html } = JSON.parse(event.data);
      heardAt = Date.now();
      say(true, 'live');
      show(id, html);
    });
    events.addEventListener('error', () => {
      say(false, 'not live: the agent does not answer; trying again');
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    });
  };
  // Something changes every second: the exchange's clock.
  setInterval(() => {
    if (heardAt && Date.now() - heardAt > 10000) {
      const seconds = Math.round((Date.now() - heardAt) / 10000) * 10;
      say(false, `not live: nothing heard for about ${seconds} s`);
    }
  }, 2000);
  listen();

  // The demo hands its token over in the address; it stays in this page alone.
  const token = document.getElementById('token');
  const handed = /^#token=(.+)$/.exec(location.hash);
  if (token && handed) {
    token.value = decodeURIComponent(handed[1]);
    history.replaceState(null, '', location.pathname);
  }

  document.addEventListener('submit', async (event) => {
    const form = event.target.closest('form[data-command]');
    if (!form) return;
    event.preventDefault();
    const fields = new FormData(form);
    const wanted = { reason: fields.get('reason') || '', by: document.getElementById('by')?.value || '' };
    if (form.dataset.halt) {
      wanted.halt = form.dataset.halt;
      wanted.code = form.dataset.code;
      wanted.reducing = fields.get('reducing') === 'on';
    } else if (fields.get('cancel_open') === 'on') {
      wanted.cancel_open = true;
    }
    const buttons = document.querySelectorAll('form[data-command] button');
    buttons.forEach((button) => { button.disabled = true; });
    answer.dataset.done = '';
    answer.textContent = 'Sent; waiting for the agent.';
    try {
      const response = await fetch(`/control/${event.submitter?.value || form.dataset.command}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Kestrel-Token': token ? token.value : '' },
        body: JSON.stringify(wanted),
      });
      const told = await response.json();
      answer.dataset.done = told.done ? 'yes' : 'no';
      answer.textContent = told.message;
      // Token and name stay for the next command; what was wanted besides does not.
      if (told.done) {
        form.querySelector('input[name="reason"]').value = '';
        form.querySelectorAll('input[type="checkbox"]').forEach((box) => { box.checked = false; });
      }
    } catch (error) {
      answer.dataset.done = 'no';
      answer.textContent = `Whether it was done is unknown: ${error}. See the trading state above.`;
    }
    document.querySelectorAll('form[data-command] button').forEach((button) => { button.disabled = false; });
    document.activeElement?.blur?.();
  });
})();
