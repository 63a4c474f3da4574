"""Regressions on fixed sets, subjects, ceilings, reverse PLS and dissimilarities as the original computes them.

Imported by bench/reference.py. Fits are scikit-learn's own, refitted for each subject as the original does; the dual form and
correlations neuroid by neuroid follow it step by step, without xarray, which costs it more.
"""
import numpy as np

LIST = [0.01, 0.1, 0.5, 1]
for start, end, count in ((1e1, 1e2, 4), (1e2, 1e3, 18), (1e3, 1e4, 18), (1e4, 1e5, 18), (1e5, 1e6, 18)):
    LIST += list(np.linspace(start, end, count, endpoint=False))
LIST += list(np.linspace(1e6, 1e7, 19))


def correlations(target, prediction):
    from scipy.stats import pearsonr

    return [float(pearsonr(target[:, k], prediction[:, k])[0]) for k in range(target.shape[1])]


def gemm(manifest, arrays):
    x = np.asarray(arrays["features"], dtype=np.float64)
    y = arrays["targets"]

    def score():
        product = x.T @ y
        return {"value": float(product[0, 0]), "splits": product.ravel()[:10].tolist()}

    return score


def shares(count, cols):
    return [slice(s * cols // count, (s + 1) * cols // count) for s in range(count)]


def fixed(manifest, arrays, predict, subjects=1):
    train = manifest["train"]

    def score():
        x = np.asarray(arrays["features"], dtype=np.float64)
        y = arrays["targets"]
        numbers = []
        for columns in shares(subjects, y.shape[1]):
            prediction, alpha = predict(x[:train], y[:train, columns], x[train:])
            numbers += correlations(y[train:, columns], prediction) + [float(alpha)]
        return {"value": float(np.median(numbers)), "splits": numbers}

    return score


def ridge_predict(x, y, test):
    from sklearn.linear_model import Ridge

    return Ridge(alpha=1).fit(x, y).predict(test), 0


def ridgecv_predict(x, y, test):
    from sklearn.linear_model import RidgeCV

    fitted = RidgeCV(alphas=LIST).fit(x, y)
    return fitted.predict(test), fitted.alpha_


def dual_predict(x, y, test):
    mean, offset = x.mean(axis=0), y.mean(axis=0)
    centred = x - mean
    kernel = centred @ centred.T + np.eye(len(x))
    return (test - mean) @ centred.T @ np.linalg.solve(kernel, y - offset) + offset, 0


def ridge(manifest, arrays):
    return fixed(manifest, arrays, ridge_predict)


def ridgecv(manifest, arrays):
    return fixed(manifest, arrays, ridgecv_predict)


def subjects(manifest, arrays):
    return fixed(manifest, arrays, ridgecv_predict, manifest["subjects"])


def dual_ridge(manifest, arrays):
    fit = fixed(manifest, arrays, dual_predict)

    def score():
        from sklearn.model_selection import ShuffleSplit

        result = fit()
        repeated = arrays["repeated"]
        splitter = ShuffleSplit(manifest["splits"], train_size=0.5, test_size=None, random_state=manifest["seed"])
        medians = []
        for first, second in splitter.split(np.arange(len(repeated))):
            a, b = np.nanmean(repeated[first], axis=0), np.nanmean(repeated[second], axis=0)
            r = np.array(correlations(b, a))
            medians.append(float(np.nanmedian(2 * r / (1 + r))))
        value = result["value"] ** 2 / np.mean(medians)
        return {"value": float(value), "splits": result["splits"] + medians}

    return score


def reverse_pls(manifest, arrays):
    def score():
        from sklearn.cross_decomposition import PLSRegression
        from sklearn.model_selection import ShuffleSplit

        x, y = arrays["targets"], np.asarray(arrays["features"], dtype=np.float64)
        splits = ShuffleSplit(1, train_size=0.9, test_size=None, random_state=manifest["seed"]).split(x)
        medians = []
        for train, test in splits:
            train, test = np.sort(train), np.sort(test)
            regression = PLSRegression(n_components=25, scale=False).fit(x[train], y[train])
            medians.append(float(np.nanmedian(correlations(y[test], regression.predict(x[test])))))
        return {"value": float(np.mean(medians)), "splits": medians}

    return score


def rsa_layers(manifest, arrays):
    return rsa(manifest, arrays, manifest["layers"])


def rsa(manifest, arrays, layers=1):
    """As RSABenchmark: the dissimilarities of every subject anew for each layer; the ceiling once, as if it were cached."""

    def score():
        from scipy.stats import spearmanr

        x, y = np.asarray(arrays["features"], dtype=np.float64), arrays["targets"]
        upper = np.triu_indices(len(x), k=1)

        def rdm(values):
            return 1 - np.clip(np.corrcoef(values), -1, 1)

        def compare(a, b):
            return float(spearmanr(a[upper], b[upper])[0])

        raw = []
        for layer in shares(layers, x.shape[1]):
            model = rdm(x[:, layer])
            others = [rdm(y[:, columns]) for columns in shares(manifest["subjects"], y.shape[1])]
            raw += [compare(model, other) for other in others]
        mean = np.mean(others, axis=0)
        ceiling = [compare(other, mean) for other in others]
        return {"value": float(np.nanmedian(raw)), "splits": raw + ceiling}

    return score
