"""How notebooks are run: Python and what it is told go by the machine's network, encrypted where that can be done."""

import zmq

c = get_config()  # type: ignore[name-defined]  # noqa: F821 (Jupyter gives it to its configuration files)
c.KernelManager.transport_encryption = "auto" if zmq.has("curve") else "disabled"
