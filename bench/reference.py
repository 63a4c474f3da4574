"""The original definitions, on the arrays that bench/reference.ts wrote: timed, with their peak memory.

Run by bench/reference.ts as `python3 reference.py KIND FOLDER`; prints one JSON object. PLS is
scikit-learn's own; what surrounds it follows the reference step by step (splits by position, sort by
stimulus, scipy's pearsonr a neuroid, median, mean). i2n is written with the
original's own steps (counters, a function a cell, a mean a group) without xarray, which costs it more.
"""
import json
import resource
import sys
import time
import warnings
from collections import Counter
from itertools import chain, product
from pathlib import Path

import numpy as np

import reference_regressions as regressions


def blas():
    """Library and kernel behind numpy as threadpoolctl sees them; else the libraries that are loaded."""
    try:
        from threadpoolctl import threadpool_info

        keys = ("internal_api", "version", "architecture", "num_threads")
        pools = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
        if pools:
            return [{key: pool.get(key) for key in keys} for pool in pools]
    except ImportError:
        pass
    # Debian's plain libblas, without kernels or threads, is unknown to threadpoolctl.
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sorted({line.split()[-1] for line in lines if "/libblas" in line or "/libopenblas" in line})


def read(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    arrays = {
        name: np.fromfile(folder / name, dtype=entry["dtype"]).reshape(entry["shape"])
        for name, entry in manifest["arrays"].items()
    }
    return manifest, arrays


def pls(manifest, arrays):
    from scipy.stats import pearsonr
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    options = manifest["options"]
    ids = np.array(manifest["stimulusIds"])
    strata = manifest.get("strata")

    def score():
        x, y = arrays["features"], arrays["targets"]
        if manifest.get("rotate"):
            # An orthonormal basis of the rows' space: PLS without scaling sees inner products alone.
            x = np.linalg.qr(np.asarray(x, dtype=np.float64).T, mode="r").T
        splitter = StratifiedShuffleSplit if strata else ShuffleSplit
        splits = splitter(
            n_splits=options["splits"],
            train_size=options["trainSize"],
            test_size=None,
            random_state=options["seed"],
        ).split(np.zeros(len(ids)), strata)
        medians, iterations = [], []
        for train, test in splits:
            train = train[np.argsort(ids[train], kind="stable")]
            test = test[np.argsort(ids[test], kind="stable")]
            regression = PLSRegression(n_components=options["components"], scale=False)
            regression.fit(x[train], y[train])
            prediction = regression.predict(x[test])
            r = [pearsonr(y[test][:, k], prediction[:, k])[0] for k in range(y.shape[1])]
            medians.append(float(np.nanmedian(r)))
            iterations.append([int(n) for n in regression.n_iter_])
        return {"value": float(np.mean(medians)), "splits": medians, "iterations": iterations}

    return score


def human_matrix(trials):
    """Image by choice: share of the trials that offered the choice in which it was taken."""
    chosen = Counter(zip(trials["stimulus"], trials["choice"]))
    offered = Counter(
        chain.from_iterable(
            ((image, sample), (image, dist))
            for image, sample, dist in zip(trials["stimulus"], trials["sample"], trials["dist"])
        )
    )
    choices = np.unique(trials["choice"])
    images, first = np.unique(trials["stimulus"], return_index=True)
    truth = trials["sample"][first]
    shares = np.full((len(images), len(choices)), np.nan)
    for (i, image), (c, choice) in product(enumerate(images), enumerate(choices)):
        if truth[i] != choice and offered[image, choice] > 0:
            shares[i, c] = chosen[image, choice] / offered[image, choice]
    return images, truth, choices, shares


def normalised_dprime(truth, choices, shares):
    """z(hit) - z(false alarm), capped at 5, without the mean of each object and choice.

    As the original, which applies a function to every image and choice and another to every object
    and choice; what xarray itself costs it on top is left out.
    """
    from scipy.stats import norm

    by_object = {}
    for (i, of), (c, choice) in product(enumerate(truth), enumerate(choices)):
        by_object.setdefault((of, choice), []).append(shares[i, c])
    dprime = np.empty_like(shares)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for (i, of), (c, choice) in product(enumerate(truth), enumerate(choices)):
            false_alarms = np.nanmean(by_object[choice, of])
            dprime[i, c] = norm.ppf(1 - shares[i, c]) - norm.ppf(false_alarms)
        dprime = np.clip(dprime, -5, 5)
        for of, (c, choice) in product(np.unique(truth), enumerate(choices)):
            rows = truth == of
            dprime[rows, c] -= np.nanmean(dprime[rows, c])
    return dprime


def i2n(manifest, arrays):
    from scipy.stats import pearsonr

    trials = {name: np.array(values) for name, values in manifest["trials"].items()}
    model_images, model_choices = np.array(manifest["images"]), np.array(manifest["choices"])
    truths = dict(zip(trials["stimulus"], trials["sample"]))

    def halves():
        random = np.random.RandomState(0)
        for _ in range(2):
            order = list(range(len(trials["stimulus"])))
            random.shuffle(order)
            middle = len(order) // 2
            yield tuple({name: v[part] for name, v in trials.items()} for part in (order[:middle], order[middle:]))

    def human(trials):
        _, truth, choices, shares = human_matrix(trials)
        return normalised_dprime(truth, choices, shares)

    def model():
        order, columns = np.argsort(model_images), np.argsort(model_choices)
        probabilities = arrays["probabilities"][order][:, columns]
        choices = model_choices[columns]
        truth = np.array([truths[image] for image in model_images[order]])
        correct = probabilities[np.arange(len(truth)), np.searchsorted(choices, truth)][:, None]
        shares = probabilities / (probabilities + correct)
        shares[truth[:, None] == choices[None, :]] = np.nan
        return normalised_dprime(truth, choices, shares)

    def correlation(source, target):
        kept = ~np.isnan(target)
        return pearsonr(source[kept], target[kept])[0]

    def score():
        raw = [correlation(model(), human(first)) for first, _ in halves()]
        ceiling = [correlation(human(first), human(second)) for first, second in halves()]
        splits = [float(r / np.sqrt(c)) for r, c in zip(raw, ceiling)]
        return {"value": float(np.mean(splits)), "splits": splits}

    return score


def main():
    kind, folder = sys.argv[1], Path(sys.argv[2])
    import scipy
    import sklearn

    kinds = {"pls": pls, "i2n": i2n, "dual-ridge": regressions.dual_ridge, "reverse-pls": regressions.reverse_pls}
    kinds |= {name: getattr(regressions, name) for name in ("gemm", "ridge", "ridgecv", "subjects", "rsa")}
    kinds["rsa-layers"] = regressions.rsa_layers
    score = kinds[kind](*read(folder))
    begin, used = time.perf_counter(), time.process_time()
    result = score()
    result["seconds"] = time.perf_counter() - begin
    result["processor"] = time.process_time() - used
    result["peakMiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result["versions"] = {"python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__, "sklearn": sklearn.__version__}
    result["blas"] = blas()
    print(json.dumps(result))


main()
