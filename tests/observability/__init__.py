"""Metrics, health, alerts and the dashboard."""
