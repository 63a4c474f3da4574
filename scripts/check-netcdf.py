"""By hand: opens an assembly that ventral wrote with Python's netCDF4 and prints what it holds.

    python3 scripts/check-netcdf.py FILE.nc

Prints the dimensions, and of every variable its dimensions, type, filters, and its sum (numbers)
or its first and last entry (text). Nothing in ventral depends on this script or on Python.
"""

import sys

import netCDF4
import numpy


def describe(variable):
    values = variable[:]
    if variable.dtype is str:
        return f"first {values.flat[0]!r}, last {values.flat[-1]!r}"
    return f"sum {numpy.ma.filled(values.astype(float), numpy.nan)[~numpy.ma.getmaskarray(values)].sum()!r}"


def main(path):
    with netCDF4.Dataset(path) as dataset:
        print(dataset.data_model, {name: len(dim) for name, dim in dataset.dimensions.items()})
        print({name: dataset.getncattr(name) for name in dataset.ncattrs()})
        for name, variable in dataset.variables.items():
            kept = [key for key, value in variable.filters().items() if value]
            print(name, variable.dimensions, variable.dtype, kept, describe(variable))


if __name__ == "__main__":
    main(sys.argv[1])
