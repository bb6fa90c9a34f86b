// Pages that show one pane at a time: which one, where the focus goes, and what
// a screen reader is told. Only text and attributes are ever written.

export const $ = (id) => document.getElementById(id);

// show makes one pane visible and sets the page's title. focus is the id of
// the element to go to; without it, the pane's heading.
export function show(name, title, focus = name + "-title") {
  for (const pane of document.querySelectorAll(".pane")) pane.hidden = pane.id !== name;
  document.title = title;
  scrollTo(0, 0);
  $(focus)?.focus({ preventScroll: true });
}

export function shown(name) {
  return !$(name).hidden;
}

// put writes a text, and hides the element that has none.
export function put(id, text) {
  $(id).textContent = text ?? "";
  $(id).hidden = !text;
}

// say tells a screen reader, politely.
export function say(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

// wire runs act at a click; until it is over, the button is busy and a second
// press does nothing.
export function wire(id, act) {
  const button = $(id);
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      await act(button);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

// wireForm is wire for a form, whose first button is the one to press.
export function wireForm(id, act) {
  const form = $(id);
  let running = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    running = true;
    form.querySelector("button").setAttribute("aria-disabled", "true");
    try {
      await act();
    } finally {
      running = false;
      form.querySelector("button").removeAttribute("aria-disabled");
    }
  });
}

// wrong marks a field and says why, beside it.
export function wrong(field, text) {
  put(field + "-error", text);
  if (text) $(field).setAttribute("aria-invalid", "true");
  else $(field).removeAttribute("aria-invalid");
  if (text) $(field).focus();
}
