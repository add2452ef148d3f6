"""Entry point of a checkout; `lmanet.app` has what it does.

python run.py +experiment=quickstart
python run.py resume=multirun/quickstart/2026-01-31_12-00-00
"""

from lmanet.app import main

if __name__ == "__main__":
    main()
