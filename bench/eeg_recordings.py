"""Recordings and features of the shape of Gifford2022 with a simulated signal: python3 eeg_recordings.py FOLDER IMAGES UNITS.

Ten people, 17 electrodes each, 100 bins of 10 ms, four repetitions of each training image and 80 of 200 test images: nine
gigabytes of float64 at 16,540 training images. A part of each electrode's signal is linear in the features.
"""

import sys
from pathlib import Path

import netCDF4
import numpy as np

SUBJECTS, ELECTRODES, BINS = 10, 17, 100
TEST, TEST_REPETITIONS, REPETITIONS = 200, 80, 4


def write(path, ids, repetitions, features, weights, random):
    columns = SUBJECTS * ELECTRODES
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("presentation", len(ids) * repetitions)
        file.createDimension("neuroid", columns)
        file.createDimension("time_bin", BINS)

        def coordinate(name, dimension, dtype, values):
            file.createVariable(name, dtype, (dimension,))[:] = values

        coordinate("stimulus_id", "presentation", str, np.repeat(np.array(ids, dtype=object), repetitions))
        coordinate("stimulus_label", "presentation", str, np.repeat(np.array(ids, dtype=object), repetitions))
        coordinate("repetition", "presentation", "i8", np.tile(np.arange(repetitions), len(ids)))
        subjects = np.array([f"sub-{s + 1:02}" for s in range(SUBJECTS) for _ in range(ELECTRODES)], dtype=object)
        coordinate("subject", "neuroid", str, subjects)
        coordinate("neuroid_id", "neuroid", "i8", np.tile(np.arange(ELECTRODES), SUBJECTS))
        coordinate("time_bin_start", "time_bin", "f8", np.arange(BINS) / 100 - 0.2)
        coordinate("time_bin_end", "time_bin", "f8", np.arange(BINS) / 100 - 0.19)
        data = file.createVariable(
            "data", "f8", ("presentation", "neuroid", "time_bin"), chunksizes=(repetitions, columns, BINS)
        )
        for at in range(0, len(ids), 50):
            signal = np.repeat(features[at : at + 50] @ weights, repetitions, axis=0)
            noise = random.standard_normal((*signal.shape, BINS), dtype=np.float32)
            shape = np.sin(np.linspace(0, 3, BINS))
            data[at * repetitions : at * repetitions + len(signal)] = signal[:, :, None] * shape + 2 * noise


def main():
    folder, images, units = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    random = np.random.default_rng(1)
    names = {"train": [f"train_{i}" for i in range(images)], "test": [f"test_{i}" for i in range(TEST)]}
    features = random.standard_normal((images + TEST, units), dtype=np.float32)
    weights = random.standard_normal((units, SUBJECTS * ELECTRODES), dtype=np.float32) / np.sqrt(units)
    np.savez(folder / "features.npz", stimulus_id=np.array(names["train"] + names["test"]), features=features)
    for name, rows, repetitions in (
        ("train", features[:images], REPETITIONS),
        ("test", features[images:], TEST_REPETITIONS),
    ):
        (folder / f"{name}.csv").write_text("\n".join(["stimulus_id", *names[name]]) + "\n")
        write(folder / f"{name}.nc", names[name], repetitions, rows, weights, random)


main()
