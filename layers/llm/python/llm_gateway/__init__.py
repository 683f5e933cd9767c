"""One way to ask a language model, whoever runs it.

A request (`request`) goes through `gateway.Gateway` to the first provider of a chain that can answer it; a response
(`response`) comes back in one shape. Stages of a call: choose the providers that are configured (`configuration`), ask
one (`providers`, each on its vendor's own SDK), try again what may pass (`errors`), make sure of the form that was asked
for (`structured`), count what it cost (`prices`). Without any configured provider the answer is simulated and says so.

Invariants: no vendor's SDK is imported before it is used; nothing is read from the environment at import; no key stands
in a log, an error or a response.
"""
