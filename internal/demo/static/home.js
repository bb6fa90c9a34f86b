// Opens the demo phone in a narrow window, so that it fits beside this one.
document.getElementById("open-phone")?.addEventListener("click", (event) => {
  const phone = window.open(event.currentTarget.href, "latchkey-demo-phone", "popup,width=420,height=820");
  if (phone) event.preventDefault();
});
