from setuptools import find_packages, setup

setup(
    name=VENTRAL.identifier,
    version='0.1.0',
    description='A submission to Brain-Score, packaged by ventral',
    license=VENTRAL.license,
    packages=find_packages(),
    include_package_data=True,
    package_data={'models': ['*.onnx', '*.json', 'scores/*.json']},
    install_requires=['model-tools @ git+https://github.com/brain-score/model-tools'] + VENTRAL.requirements,
    zip_safe=False,
)
