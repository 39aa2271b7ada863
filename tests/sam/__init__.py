"""What SAM CLI builds, asks and deploys. `make sam-test` runs these tests in the environment of SAM CLI."""
