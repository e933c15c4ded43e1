/** How this page changes the document. Text is always text: nothing here accepts markup. */

export function byId(id) {
  return document.getElementById(id);
}

/** `make('td', { class: 'number', onclick }, 'text', child)`. A property that is a function becomes a listener. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function fill(id, ...children) {
  byId(id).replaceChildren(...children.filter((child) => child !== null));
}

export function setHidden(id, hidden) {
  byId(id).hidden = hidden;
}

/** Saves content as a file. */
export function download(name, content, type = 'text/csv;charset=utf-8') {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
