"""Fault: the same factor again and again, and a gradient that grows beyond use."""

import vizgrad as vg

w = vg.TensorNode(3.0)
states = [vg.TensorNode(1.0)]
for _ in range(8):
    states.append(states[-1] * w)
loss = states[-1]

loss.backward()
# Look at: the gradient is tripled at each step back. With w = 0.3 it
# vanishes instead: drag the number.
for time, state in reversed(list(enumerate(states))):
    print(f"time {time}, gradient {state.grad.item():g}")
print("gradient of w:", w.grad)
