"""`python -m cortexctl`."""

from cortexctl.cli.main import main

if __name__ == "__main__":
    main()
