/* The groups of the navigation are open until a reader closes one. TypeDoc remembers that itself; it draws them late. */
addEventListener('DOMContentLoaded', () => {
  const menu = document.querySelector('.site-menu')
  if (!menu) return
  const observer = new MutationObserver(() => {
    const groups = menu.querySelectorAll('#tsd-nav-container > li > details, #tsd-nav-container > details')
    if (groups.length === 0) return
    observer.disconnect()
    for (const group of groups) {
      const key = `tsd-accordion-${group.querySelector('summary')?.dataset.key ?? group.dataset.key}`
      if (localStorage.getItem(key) === null) group.open = true
    }
  })
  observer.observe(menu, { childList: true, subtree: true })
})
