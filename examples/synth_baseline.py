"""The course's own training run on points of the plane: eight sigmoid units learn on which side of a curve they lie.

python examples/synth_baseline.py            five seeds, 20 epochs
python examples/synth_baseline.py --smoke    a few seconds
"""

from __future__ import annotations

from _data import synth
from _harness import Experiment, main
from _mlp import MLPTraining, Settings

if __name__ == "__main__":
    main(
        Experiment(
            name="synth_baseline",
            about=__doc__,
            variants={"synth": Settings(4 * 2, lr=0.01)},
            start=MLPTraining,
            data=synth,
            epochs=20,
        )
    )
