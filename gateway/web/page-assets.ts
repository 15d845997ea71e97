/** The one style of all pages, and their one script. Both are named by their hash in the page's policy. */

export const STYLE = `
:root { color-scheme: light dark; --text: #1b2130; --soft: #566072; --ground: #f3f5f9; --card: #fff; --inset: #f3f5f9; --line: #d5dae4; --edge: #7b8596; --accent: #1a56db; --accent-soft: #eaf0fd; --on-accent: #fff; --warn: #7a4300; --warn-ground: #fff4e0; }
@media (prefers-color-scheme: dark) { :root { --text: #e8ebf1; --soft: #a9b2c2; --ground: #12151b; --card: #1b1f27; --inset: #12151b; --line: #343a46; --edge: #7b8596; --accent: #8ab4ff; --accent-soft: #1f2b42; --on-accent: #0e1420; --warn: #ffcf8a; --warn-ground: #33260f; } }
* { box-sizing: border-box }
body { margin: 0; padding: 2rem 1rem; background: var(--ground); color: var(--text); font: 1rem/1.55 system-ui, sans-serif }
main { max-width: 44rem; margin: 0 auto; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; box-shadow: 0 1px 3px #0000000f }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; overflow-wrap: anywhere }
h2 { margin: 2.25rem 0 .6rem; font-size: 1.1rem; line-height: 1.3 }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere }
p, ul, ol, dl, fieldset { margin: 0 0 1rem }
a { color: var(--accent) }
code { font: .9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
dt { color: var(--soft); font-size: .875rem }
dd { margin: 0 0 .6rem; overflow-wrap: anywhere }
fieldset { border: 1px solid var(--line); border-radius: .75rem; padding: .5rem; min-width: 0 }
legend { padding: 0 .4rem; font-weight: 600 }
fieldset label { display: flex; gap: .7rem; align-items: baseline; padding: .5rem .6rem; border-radius: .5rem; cursor: pointer }
fieldset label:hover { background: var(--inset) }
fieldset label:has(:checked) { background: var(--accent-soft) }
fieldset label small { display: block; color: var(--soft); font-size: .875rem }
input[type=radio], input[type=checkbox] { accent-color: var(--accent) }
input, select, button { font: inherit; color: inherit }
.field { display: block; margin: 0 0 .75rem }
.field > span { display: block; font-size: .875rem; color: var(--soft) }
input:not([type=radio]):not([type=checkbox]), select { width: 100%; min-height: 2.75rem; padding: .5rem .7rem; background: var(--card); border: 1px solid var(--edge); border-radius: .5rem }
button, .button { display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; padding: .5rem 1.1rem; border: 1px solid var(--edge); border-radius: .5rem; background: transparent; cursor: pointer; text-decoration: none; color: inherit; font-weight: 500 }
button:hover, .button:hover { background: var(--inset) }
button.main, .button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
button.main:hover, .button.main:hover { filter: brightness(1.08) }
button[hidden] { display: none }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
summary { cursor: pointer; padding: .5rem .6rem; color: var(--accent); border-radius: .5rem }
.lead { font-size: 1.05rem }
.soft { color: var(--soft); font-size: .9rem }
.who { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; justify-content: space-between }
.who p, .who form { margin: 0 }
.warning { margin: 0 0 1.25rem; padding: .8rem 1rem; border-left: 4px solid var(--warn); background: var(--warn-ground); color: var(--warn); border-radius: .4rem }
.warning ul { margin: .4rem 0 0; padding-left: 1.2rem }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center }
.actions form { margin: 0 }
.copy { display: flex; gap: .5rem; align-items: stretch; margin: 0 0 .75rem }
.copy button { flex: none; align-self: flex-start }
.take { flex: 1; min-width: 0; padding: .65rem .8rem; background: var(--inset); border: 1px solid var(--line); border-radius: .5rem; user-select: all; white-space: pre-wrap }
.items { list-style: none; padding: 0 }
.items > li { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between; padding: .8rem 0; border-top: 1px solid var(--line) }
.items > li:last-child { border-bottom: 1px solid var(--line) }
.items > li > div { flex: 1 1 14rem; min-width: 0 }
.items form { margin: 0 }
.items p { margin: .15rem 0 0 }
.tag { display: inline-block; padding: .05rem .5rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .8rem; color: var(--soft) }
.steps > li { margin-bottom: .5rem }
footer { margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .9rem }
@media (max-width: 30rem) { body { padding: 0; background: var(--card) } main { padding: 1.25rem 1rem; border: 0; border-radius: 0; box-shadow: none } .actions > *, .actions button { flex: 1 1 100% } .copy { flex-direction: column } }
`

/** Shows the buttons that need it, and copies what stands beside the one that is pressed. */
export const COPY_SCRIPT = `
for (const button of document.querySelectorAll('[data-copy]')) {
  if (!navigator.clipboard) break
  button.hidden = false
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent)
    button.textContent = 'Copied'
    setTimeout(() => { button.textContent = 'Copy' }, 2000)
  })
}
`
