"""Fault: backward twice through the same graph."""

import vizgrad as vg

a = vg.TensorNode(2.0)
b = vg.TensorNode(3.0)
product = a * b
first = product + a
second = product * b

first.backward()
# Look at: both losses are made of product. Mend it with (first +
# second).backward() in place of both calls, or with retain_graph=True in
# the first.
second.backward()
