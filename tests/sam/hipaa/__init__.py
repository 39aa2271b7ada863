"""Judges the template with every protection switched on by AWS's rules for HIPAA, which run in cdk-nag."""
