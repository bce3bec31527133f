/** Steering leadership, for whom the instance lets: switchover, pause and resume, each after a question. */

/** @import { Answer } from './types.js' */
import { find, make, sync, write } from './dashboard-page.js'
import { nameOf } from './dashboard-text.js'

const ASK_AGAIN_MS = 30_000

/** The buttons, and what comes of them. */
export class Steering {
  /** @type {Answer['status']['group']} */
  #group = null
  #mayCall = false
  #maySignIn = false
  #askedAtMs = -Infinity
  #isBusy = false
  #token = ''
  #changed

  /** @param {() => void} changed something was done: look at once */
  constructor(changed) {
    this.#changed = changed
    this.#dialog(
      'switchover',
      () => this.#nameMembers(),
      () => {
        /** @type {HTMLSelectElement} */
        const { value: to } = find('switchover-to')
        return this.#order('switchover', to === '' ? {} : { to }, 'Switching over …')
      },
    )
    this.#dialog(
      'pause',
      () => {},
      () => {
        /** @type {HTMLSelectElement} */
        const select = find('pause-for')
        const forMs = Number(select.value)
        return this.#order('pause', forMs > 0 ? { forMs } : {}, 'Pausing …')
      },
    )
    this.#dialog(
      'resume',
      () => {},
      () => this.#order('resume', {}, 'Resuming …'),
    )
    this.#dialog(
      'sign-in',
      () => {},
      () => this.#signIn(),
    )
  }

  /** Shows what can be done now. @param {Answer} answer */
  show({ status, atMs }) {
    this.#group = status.group
    if (atMs - this.#askedAtMs > ASK_AGAIN_MS) void this.#askLeave(atMs)
    this.#showButtons()
  }

  #showButtons() {
    const paused = this.#group?.paused ?? false
    find('switchover').hidden = !this.#mayCall
    find('pause').hidden = !this.#mayCall || paused
    find('resume').hidden = !this.#mayCall || !paused
    find('sign-in').hidden = !this.#maySignIn
    find('steering').hidden = !this.#mayCall && !this.#maySignIn
  }

  /** Asks the instance whether this visitor may steer: only it knows. @param {number} atMs */
  async #askLeave(atMs) {
    this.#askedAtMs = atMs
    try {
      const response = await fetch('permissions', { cache: 'no-store', headers: this.#credentials() })
      const { steer, closed } = response.ok ? await response.json() : { steer: false, closed: true }
      this.#mayCall = steer === true
      this.#maySignIn = steer !== true && closed === false
    } catch {
      this.#askedAtMs = -Infinity
    }
    this.#showButtons()
  }

  async #signIn() {
    /** @type {HTMLInputElement} */
    const field = find('token')
    this.#token = field.value
    field.value = ''
    await this.#askLeave(performance.now())
    write('said', this.#mayCall ? 'Signed in.' : 'The instance does not accept that token.')
    if (this.#mayCall) find('switchover').focus()
  }

  /** @returns {Record<string, string>} */
  #credentials() {
    return this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` }
  }

  /**
   * Has a button open its dialog, and `act` called where that is confirmed.
   *
   * @param {string} id
   * @param {() => void} prepare
   * @param {() => Promise<void>} act
   */
  #dialog(id, prepare, act) {
    /** @type {HTMLDialogElement} */
    const dialog = find(`${id}-dialog`)
    find(id).addEventListener('click', () => {
      if (this.#isBusy) return
      prepare()
      dialog.returnValue = ''
      dialog.showModal()
    })
    dialog.querySelector('[data-close]')?.addEventListener('click', () => dialog.close(''))
    dialog.addEventListener('close', () => {
      if (dialog.returnValue === 'yes') void act()
    })
  }

  /** Fills the dialog with those who can lead. */
  #nameMembers() {
    const { leader = null, members = [], paused = false } = this.#group ?? {}
    const others = members.filter(({ id, alive, eligible }) => id !== leader?.id && alive && eligible)
    // While the group is paused an heir has to be named.
    const choices = paused ? others : [{ id: '', name: 'the best candidate' }, ...others]
    /** @type {HTMLSelectElement} */
    const select = find('switchover-to')
    sync(
      select,
      choices,
      ({ id }) => id,
      ({ id, name }) => make('option', { value: id }, [name]),
    )
    select.selectedIndex = 0
    write('switchover-from', leader ? nameOf(leader.id, members) : 'nobody')
  }

  /**
   * Posts an order, and says what became of it.
   *
   * @param {'switchover' | 'pause' | 'resume'} path
   * @param {object} fields
   * @param {string} meanwhile
   */
  async #order(path, fields, meanwhile) {
    this.#isBusy = true
    find(path).setAttribute('aria-busy', 'true')
    write('said', meanwhile)
    try {
      const headers = { 'content-type': 'application/json', ...this.#credentials() }
      const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(fields) })
      write('said', response.ok ? await this.#doneOf(path, response) : await failureOf(response))
      if (response.status === 403) await this.#askLeave(performance.now())
    } catch {
      write('said', 'The instance did not answer. The order may have been carried out.')
    }
    find(path).removeAttribute('aria-busy')
    this.#isBusy = false
    this.#changed()
  }

  /** @param {string} path @param {Response} response */
  async #doneOf(path, response) {
    if (path === 'pause') return 'Failover is paused.'
    if (path === 'resume') return 'Failover is on again.'
    const { leader } = await response.json()
    return leader ? `${nameOf(leader.id, this.#group?.members ?? [])} leads.` : 'Done.'
  }
}

/** @param {Response} response */
async function failureOf(response) {
  try {
    const { error } = await response.json()
    return `${error.message} (${error.reason ?? error.code})`
  } catch {
    return `The instance answered HTTP ${response.status}.`
  }
}
