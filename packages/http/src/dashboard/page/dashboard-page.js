/** Reaching into the page. What comes from the server goes through `write`, so it is text and never markup. */

/**
 * The element with this id.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function find(id) {
  return /** @type {T} */ (document.getElementById(id))
}

/**
 * Writes a text where it differs: selections, and what reads the page aloud, are left in peace.
 *
 * @param {Element | string} where an element or its id
 * @param {string} text
 */
export function write(where, text) {
  const element = typeof where === 'string' ? find(where) : where
  if (element.textContent !== text) element.textContent = text
}

/**
 * A new element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {readonly (Node | string)[]} [children]
 */
export function make(tag, attributes = {}, children = []) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/**
 * Has the children of `parent` be those of `items`, in this order. A child stays the same element as long as its item
 * has the same key.
 *
 * @template T
 * @template {HTMLElement} E
 * @param {HTMLElement} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => E} create
 * @param {(element: E, item: T) => void} [update]
 */
export function sync(parent, items, keyOf, create, update = () => {}) {
  const known = new Map([...parent.children].map((child) => [/** @type {E} */ (child).dataset['key'], child]))
  items.forEach((item, at) => {
    const key = keyOf(item)
    let child = /** @type {E | undefined} */ (known.get(key))
    known.delete(key)
    if (!child) {
      child = create(item)
      child.dataset['key'] = key
    }
    update(child, item)
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null)
  })
  for (const left of known.values()) left.remove()
}
