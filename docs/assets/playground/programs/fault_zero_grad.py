"""Fault: nobody sets the gradient back to zero."""

import vizgrad as vg

w = vg.TensorNode(3.0)

# Look at: the slope of w * w is 2 w, so the second gradient should be
# smaller than the first. But w.grad holds the first one still, and the
# second is added to it. Mend it with w.zero_grad() at the start of the
# loop.
for _ in range(2):
    loss = w * w
    loss.backward()
    print(f"w = {w.item():.2f}: the slope is {2 * w.item():.2f}, w.grad is {w.grad.item():.2f}")
    w.value = w.value - 0.1 * w.grad
