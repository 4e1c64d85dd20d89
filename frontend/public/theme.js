// Runs before the first paint, as a file and not inline because the content security policy forbids inline scripts.
;(() => {
  let choice = 'system'
  try {
    choice = localStorage.getItem('holdfast.theme') ?? 'system'
  } catch {
    // Storage may be blocked by the browser; the system's choice is right then.
  }
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()
